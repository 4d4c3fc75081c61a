"""System calls that programs may make, with their numbers on x86_64 and aarch64.

Numbers: the kernel's syscall_64.tbl and asm-generic/unistd.h; `-` where an architecture
lacks the call. Whatever is not listed here is refused.
"""

from __future__ import annotations

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# by theme: files, waiting, memory, threads, signals, facts about oneself, socket pairs
_ALLOWED = """
read 0 63, write 1 64, open 2 -, openat 257 56, creat 85 -, close 3 57, close_range 436 436,
lseek 8 62, pread64 17 67, pwrite64 18 68, readv 19 65, writev 20 66, preadv 295 69,
pwritev 296 70, preadv2 327 286, pwritev2 328 287, sendfile 40 71, splice 275 76,
copy_file_range 326 285, stat 4 -, fstat 5 80, lstat 6 -, newfstatat 262 79, statx 332 291,
statfs 137 43, fstatfs 138 44, access 21 -, faccessat 269 48, faccessat2 439 439,
getdents 78 -, getdents64 217 61, getcwd 79 17, chdir 80 49,
fchdir 81 50, mkdir 83 -, mkdirat 258 34, rmdir 84 -, rename 82 -, renameat 264 38,
renameat2 316 276, link 86 -, linkat 265 37, unlink 87 -, unlinkat 263 35, symlink 88 -,
symlinkat 266 36, truncate 76 45, ftruncate 77 46, fallocate 285 47, fadvise64 221 223,
sync_file_range 277 84, fsync 74 82, fdatasync 75 83, flock 73 32, umask 95 166, dup 32 23,
dup2 33 -, dup3 292 24, pipe 22 -, pipe2 293 59,

poll 7 -, ppoll 271 73, select 23 -, pselect6 270 72, epoll_create 213 -, epoll_create1 291 20,
epoll_ctl 233 21, epoll_wait 232 -, epoll_pwait 281 22, epoll_pwait2 441 441, eventfd 284 -,
eventfd2 290 19, timerfd_create 283 85, timerfd_settime 286 86, timerfd_gettime 287 87,
pause 34 -, nanosleep 35 101, clock_nanosleep 230 115, wait4 61 260, waitid 247 95,

mmap 9 222, mprotect 10 226, munmap 11 215, mremap 25 216, msync 26 227, mincore 27 232,
madvise 28 233, brk 12 214, membarrier 324 283,

futex 202 98, futex_waitv 449 449, set_robust_list 273 99, get_robust_list 274 100,
set_tid_address 218 96, rseq 334 293, gettid 186 178, sched_yield 24 124,
sched_getaffinity 204 123, sched_getscheduler 145 120, sched_getparam 143 121,
sched_get_priority_max 146 125, sched_get_priority_min 147 126, sched_rr_get_interval 148 127,
getpriority 140 141, getcpu 309 168, arch_prctl 158 -, exit 60 93, exit_group 231 94,
restart_syscall 219 128,

rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136,
rt_sigtimedwait 128 137, rt_sigsuspend 130 133, sigaltstack 131 132, alarm 37 -,
getitimer 36 102, setitimer 38 103, timer_create 222 107, timer_settime 223 110,
timer_gettime 224 108, timer_getoverrun 225 109, timer_delete 226 111,

getpid 39 172, getppid 110 173, getpgrp 111 -, getpgid 121 155, getsid 124 156, getuid 102 174,
geteuid 107 175, getgid 104 176, getegid 108 177, getresuid 118 148, getresgid 120 150,
getgroups 115 158, uname 63 160, sysinfo 99 179, times 100 153, time 201 -,
gettimeofday 96 169, clock_gettime 228 113, clock_getres 229 114, getrusage 98 165,
getrlimit 97 163, setrlimit 160 164, getrandom 318 278,

recvfrom 45 207, recvmsg 47 212,
 shutdown 48 210, getsockopt 55 209, setsockopt 54 208, getsockname 51 204,
getpeername 52 205,
"""

# allowed for some arguments only; see seccomp.py
_CHECKED = """
clone 56 220, clone3 435 435, kill 62 129, tgkill 234 131, prlimit64 302 261, prctl 157 167,
ioctl 16 29, fcntl 72 25, socketpair 53 199, sendto 44 206,
"""


def _numbers(table: str, machine: str) -> dict[str, int]:
    words = table.replace(",", " ").split()
    column = list(ARCHITECTURES).index(machine) + 1
    rows = zip(words[::3], words[column::3], strict=True)
    return {name: int(number) for name, number in rows if number != "-"}


def allowed(machine: str) -> dict[str, int]:
    """Calls that are harmless whatever their arguments, given the other layers."""
    return _numbers(_ALLOWED, machine)


def checked(machine: str) -> dict[str, int]:
    """Calls whose arguments decide."""
    return _numbers(_CHECKED, machine)
