"""Attacks on the sandbox, benign by construction.

Each is a program that tries one thing. The targets are canaries that the tests put up: a
file, a directory, a listener on the loopback interface and on Unix sockets, a sleeping
process. A program that gets through prints BREACH, and then harms a canary at most.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

PRELUDE = """
import ctypes, os, platform, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == "x86_64"
def breach(*what): print("BREACH", *what)
def call(number_x86, number_arm, *args):
    result = libc.syscall(ctypes.c_long(number_x86 if x86 else number_arm), *args)
    if result < 0:
        raise PermissionError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
"""


@dataclass(frozen=True)
class Attack:
    """A program; `endings` are the statuses that count as handled."""

    group: str
    name: str
    body: str
    endings: tuple[str, ...]

    def source(self, targets: dict[str, object]) -> str:
        """The program, with the canaries' whereabouts as its globals."""
        lines = [f"{name} = {value!r}" for name, value in targets.items()]
        return "\n".join(lines) + PRELUDE + textwrap.dedent(self.body)


BLOCKED = ("blocked",)
REFUSED = ("blocked", "exception")  # an error of another kind is as good
HARMLESS = ("passed", "blocked", "exception")

FILESYSTEM = {
    "read_a_file": "breach(open(CANARY).read())",
    "read_by_descriptor": "breach(os.read(os.open(CANARY, os.O_RDONLY), 9))",
    "list_a_directory": "breach(os.listdir(os.path.dirname(CANARY)))",
    "list_the_root": "breach(os.listdir('/'))",
    "read_the_home_directory": "breach(os.listdir(USER_HOME))",
    "read_the_password_file": "breach(open('/etc/passwd').read())",
    "read_own_environment": "breach(open('/proc/self/environ').read())",
    "read_mapped_memory_of_parent": "breach(open(f'/proc/{os.getppid()}/maps').read())",
    "read_evaluators_memory": "breach(open(f'/proc/{EVALUATOR}/mem', 'rb').read(1))",
    "read_evaluators_command_line": "breach(open(f'/proc/{EVALUATOR}/cmdline').read())",
    "read_the_sandbox_itself": "breach(open(SANDBOX_FILE).read())",
    "read_the_benchmarks": "breach(open(BENCHMARK_FILE).read())",
    "read_answers_in_site_packages": "breach(open(ANSWERS).read())",
    "write_to_a_file": "breach(open(CANARY, 'a').write('x'))",
    "truncate_a_file": "breach(os.truncate(CANARY, 0))",
    "remove_a_file": "breach(os.remove(CANARY))",
    "rename_a_file": "breach(os.rename(CANARY, CANARY + '.moved'))",
    "move_a_file_here": "breach(os.rename(CANARY, 'mine'))",
    "link_a_file_here": "os.link(CANARY, 'mine'); breach(open('mine').read())",
    "read_through_a_symlink": "os.symlink(CANARY, 'link'); breach(open('link').read())",
    "write_through_a_symlink": "os.symlink(CANARY, 'link'); breach(open('link', 'a').write('x'))",
    "walk_up_from_here": "breach(open('../' * 20 + CANARY).read())",
    "change_mode": "breach(os.chmod(CANARY, 0o777))",
    "change_mode_of_a_descriptor": "breach(os.fchmod(os.open('/dev/null', os.O_RDONLY), 0o666))",
    "change_owner": "breach(os.chown(CANARY, os.getuid(), os.getgid()))",
    "change_times": "breach(os.utime(CANARY, (0, 0)))",
    "set_an_attribute": "breach(os.setxattr(CANARY, 'user.x', b'x'))",
    "make_a_file_in_tmp": "breach(open('/tmp/mtpb-attack', 'w'))",
    "make_a_directory_outside": "breach(os.mkdir(os.path.dirname(CANARY) + '/new'))",
    "make_a_file_in_shared_memory": "breach(open('/dev/shm/mtpb-attack', 'w'))",
    "plant_a_module": "breach(open(os.path.dirname(os.__file__) + '/mtpb_attack.py', 'w'))",
    "make_a_device": "breach(os.mknod('disk', 0o60600, os.makedev(8, 0)))",
    "change_root": "os.mkdir('d'); breach(os.chroot('d'))",
    "mount": "os.mkdir('d'); breach(call(165, 40, b'x', b'd', b'tmpfs', 0, 0))",
    "open_by_handle": "breach(call(304, 265, -100, 0, 0))",
    "read_a_link": "breach(os.readlink(LINK))",
    "read_a_link_in_a_directory": "breach(os.readlink('link', dir_fd=os.open(DIRECTORY, 1 << 21)))",
}

NETWORK = {
    "connect": "breach(socket.create_connection(('127.0.0.1', PORT), 5))",
    "send_a_datagram": """
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        breach(s.sendto(b'x', ('127.0.0.1', PORT)))
    """,
    "listen": "s = socket.socket(); s.bind(('127.0.0.1', 0)); breach(s.listen())",
    "raw_socket": "breach(socket.socket(socket.AF_INET, socket.SOCK_RAW, 1))",
    "netlink": "breach(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))",
    "resolve_a_name": "breach(socket.create_connection(('localhost', PORT), 5))",
    "fetch_a_page": """
        import urllib.request
        breach(urllib.request.urlopen(f'http://127.0.0.1:{PORT}/', timeout=5))
    """,
    "unix_socket": "s = socket.socket(socket.AF_UNIX); s.connect(UNIX_PATH); breach()",
    "abstract_socket": "s = socket.socket(socket.AF_UNIX); s.connect(ABSTRACT); breach()",
    "datagram_pair_to_a_stranger": """
        a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        breach(a.sendto(b'x', ABSTRACT_DATAGRAM))
    """,
    "pass_a_descriptor": """
        a, b = socket.socketpair()
        breach(a.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, b'\\0\\0\\0\\0')]))
    """,
}

PROCESS = {
    "fork": "breach(os.fork())",
    "fork_by_system_call": "breach(call(57, 220, 17, 0, 0, 0, 0))",
    "vfork_by_system_call": "breach(call(58, 220, 0x4111, 0, 0, 0, 0))",
    "clone3": """
        args = (ctypes.c_uint64 * 11)(0, 0, 0, 0, 17)
        breach(call(435, 435, args, ctypes.sizeof(args)))
    """,
    "fork_bomb": "while True: os.fork()",
    "run_a_command": "import subprocess; breach(subprocess.run(['true']))",
    "spawn": "breach(os.posix_spawn('/bin/true', ['true'], {}))",
    "execute": "os.execv(sys.executable, ['python', '-c', 'print(\"BREACH\")'])",
    "execute_from_memory": "fd = os.memfd_create('x'); os.execve(fd, ['x'], {})",
    "multiprocessing": """
        import multiprocessing
        p = multiprocessing.get_context('fork').Process(target=breach); p.start(); p.join()
    """,
    "kill_a_process": "import signal; breach(os.kill(VICTIM, signal.SIGKILL))",
    "kill_the_evaluator": "breach(os.kill(EVALUATOR, 15))",
    "kill_the_parent": "breach(os.kill(os.getppid(), 9))",
    "kill_everything": "breach(os.kill(-1, 9))",
    "kill_the_group": "breach(os.killpg(0, 9))",
    "kill_a_thread_of_another": "breach(call(234, 131, VICTIM, VICTIM, 9))",
    "queue_a_signal": "breach(call(129, 138, VICTIM, 10, 0))",
    "signal_by_pidfd": "import signal; breach(signal.pidfd_send_signal(os.pidfd_open(VICTIM), 9))",
    "signal_by_ownership_of_a_pipe": """
        import fcntl
        r, w = os.pipe(); fcntl.fcntl(r, 8, VICTIM); fcntl.fcntl(r, 10, 9); breach()
    """,
    "trace_a_process": "breach(call(101, 117, 16, VICTIM, 0, 0))",
    "read_the_parents_memory": "breach(call(310, 270, os.getppid(), 0, 0, 0, 0, 0))",
    "limit_another_process": """
        import resource
        breach(resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1)))
    """,
    "lower_another_priority": "breach(os.setpriority(os.PRIO_PROCESS, VICTIM, 19))",
    "raise_own_priority": "breach(os.nice(1))",
    "pin_to_a_core": "breach(os.sched_setaffinity(0, {0}))",
    "new_namespaces": "breach(call(272, 97, 0x10000000))",
    "keyring": "breach(call(250, 219, 0, -3, 1))",
    "bpf": "breach(call(321, 280, 0, 0, 0))",
    "io_uring": "breach(call(425, 425, 1, ctypes.create_string_buffer(200)))",
    "performance_counters": "breach(call(298, 241, ctypes.create_string_buffer(99), 0, -1, -1, 0))",
    "fault_handler": "breach(call(323, 282, 1))",
    "shared_memory_segment": "breach(call(29, 194, 0, 4096, 0o600))",
    "message_queue": "breach(call(68, 186, 0, 0o600))",
    "personality": "breach(call(135, 92, 0x40000))",
    "new_filter": "breach(call(317, 277, 1, 0, 0))",
    "change_user": "breach(call(105, 146, 65534))",
    "outlive_the_parent": "breach(call(157, 167, 1, 0, 0, 0, 0))",
    "unknown_system_call": "breach(call(9999, 9999))",
    "calls_of_another_architecture": """
        import mmap
        if not x86: raise PermissionError(1, 'x86 only')
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(bytes.fromhex('b814000000cd80c3'))  # mov eax, 20 (getpid); int 0x80; ret
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        breach(ctypes.CFUNCTYPE(ctypes.c_int)(address)())
    """,
    "calls_of_the_x32_set": "breach(call(0x40000000 + 39, 9999))",
}

RESOURCE = {
    "memory_in_a_list": ("a = []\nwhile True: a.append('x' * 10**6 + str(len(a)))", ("memory",)),
    "memory_at_once": ("a = bytearray(10**11)", ("memory",)),
    "memory_in_an_array": (
        "import numpy\nb = [numpy.empty(10**7) for _ in range(1000)]",
        ("memory",),
    ),
    "memory_map": ("import mmap\nm = mmap.mmap(-1, 10**11)", ("memory", "exception")),
    "endless_loop": ("while True: pass", ("timeout",)),
    "endless_loop_that_catches_all": (
        """
        while True:
            try:
                while True: pass
            except BaseException: pass
        """,
        ("timeout",),
    ),
    "endless_loop_deaf_to_signals": (
        """
        import signal
        for s in range(1, 65):
            try: signal.signal(s, signal.SIG_IGN)
            except (OSError, ValueError): pass
        signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
        while True: pass
        """,
        ("timeout",),
    ),
    "stuck_in_c": ("x = 7 ** 10**9", ("timeout", "memory")),
    "stuck_in_a_regular_expression": (
        "import re; re.match('(a+)+$', 'a' * 60 + 'b')",
        ("timeout",),
    ),
    "sleep_for_ever": ("import time\nwhile True: time.sleep(100)", ("timeout",)),
    "wait_for_input": ("input()", ("exception",)),
    "wait_for_a_thread_that_never_ends": (
        "import threading\nthreading.Thread(target=lambda: threading.Event().wait()).start()",
        ("timeout",),
    ),
    "loop_at_exit": (
        "import atexit\n@atexit.register\ndef f():\n    while True: pass",
        ("timeout",),
    ),
    "loop_in_threads": (
        """
        import threading
        def spin():
            while True: pass
        for _ in range(4): threading.Thread(target=spin).start()
        """,
        ("timeout",),
    ),
    "thread_bomb": (
        "import threading\nwhile True: threading.Thread(target=threading.Event().wait).start()",
        ("exception", "memory", "timeout"),
    ),
    "recursion": ("def f(): f()\nf()", ("exception",)),
    "recursion_without_limit": (
        "sys.setrecursionlimit(10**9)\nx = []\nfor _ in range(10**6): x = [x]\nrepr(x)",
        ("exception", "memory", "timeout"),
    ),
    "descriptor_bomb": ("f = [open(f'{n}', 'w') for n in range(10**6)]", ("exception",)),
    "big_file": (
        "f = open('big', 'wb')\nfor _ in range(10**5): f.write(bytes(10**6))",
        ("exception",),
    ),
    "many_files": (
        """
        for n in range(10**4):
            with open(f'{n}', 'wb') as f: f.write(bytes(10**5))
        breach('a gigabyte on disk')
        """,
        ("exception", "timeout"),
    ),
    "sparse_file": ("open('sparse', 'wb').truncate(10**12)", ("exception",)),
    "raise_own_limits": (
        """
        import resource
        try: resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))
        except (ValueError, OSError): pass
        while True: pass
        """,
        ("timeout",),
    ),
    "crash": ("ctypes.string_at(0)", ("exception",)),
    "kill_itself": ("os.kill(os.getpid(), 9)", ("exception",)),
    "abort": ("os.abort()", ("exception",)),
}

OUTPUT = {
    "flood": ("for _ in range(10**5): print('x' * 1000)", ("passed", "timeout")),
    "flood_of_errors": (
        "for _ in range(10**4): print('x' * 1000, file=sys.stderr)",
        ("passed", "timeout"),
    ),
    "one_endless_line": ("print('x' * 10**8)", ("passed",)),
    "broken_utf8": ("sys.stdout.buffer.write(bytes(range(256)) * 100)", ("passed",)),
    "lone_surrogate": ("print('\\ud800')", ("passed",)),
    "null_bytes": ("print('\\0' * 1000)", ("passed",)),
    "terminal_escapes": ("print('\\x1b[2J\\x1b]0;x\\x07')", ("passed",)),
    "closed_output": ("sys.stdout.close(); os.close(1); os.close(2)", ("passed", "exception")),
    "write_to_every_descriptor": (
        """
        for fd in range(256):
            try: os.write(fd, b'E\\0\\0\\0\\0' * 1000)
            except OSError: pass
        """,
        ("passed", "exception"),
    ),
    "close_every_descriptor": ("os.closerange(0, 256)", ("exception",)),
    "hold_output_open": (
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        ("passed",),
    ),
    "unprintable_error": (
        """
        class E(Exception):
            def __str__(self): raise self
        raise E
        """,
        ("exception",),
    ),
    "error_with_a_huge_text": ("raise ValueError('x' * 10**8)", ("exception",)),
    "error_with_a_lone_surrogate": ("raise ValueError('\\ud800')", ("exception",)),
    "error_of_a_lying_class": (
        """
        class M(type):
            __qualname__ = __name__ = property(lambda cls: 1 / 0)
            __mro__ = property(lambda cls: 1 / 0)
        class E(Exception, metaclass=M): pass
        raise E('x')
        """,
        ("exception",),
    ),
    "deep_chain_of_errors": (
        """
        e = None
        for n in range(10**5):
            f = ValueError(n); f.__cause__ = f.__context__ = e; e = f
        raise e
        """,
        ("exception",),
    ),
}

# a program that leaves something behind, and one that looks for it
STATE = {
    "file": ("open('left', 'w').write('x')", "if os.path.exists('left'): breach()"),
    "hidden_tree": (
        "os.makedirs('.a/b/c'); open('.a/b/c/d', 'w').close()",
        "if os.listdir('.'): breach()",
    ),
    "deep_tree": (
        "for n in range(1000): os.mkdir('d'); os.chdir('d')",
        "if os.listdir('.'): breach()",
    ),
    "directories_without_rights": (
        "os.umask(0o777); os.mkdir('a'); os.mkdir('b', 0)",
        "if os.listdir('.'): breach()",
    ),
    "names_that_are_hard_to_say": (
        "open(b'\\xff\\n', 'w').close(); os.mkdir('x' * 255); os.symlink('.', 'loop')",
        "if os.listdir('.'): breach()",
    ),
    "fifo": ("os.mkfifo('fifo')", "if os.listdir('.'): breach()"),
    "removed_scratch": ("os.rmdir(os.getcwd())", "open('here', 'w').close()"),
    "working_directory": (
        "os.mkdir('d'); os.chdir('d')",
        "if os.path.basename(os.getcwd()) == 'd': breach()",
    ),
    "environment": ("os.environ['LEFT'] = 'x'", "if 'LEFT' in os.environ: breach()"),
    "umask": ("os.umask(0o777)", "if os.umask(0) == 0o777: breach()"),
    "module": ("import math; math.pi = 3", "import math\nif math.pi == 3: breach()"),
    "new_module": ("sys.modules['left'] = sys", "if 'left' in sys.modules: breach()"),
    "builtin": (
        "import builtins; builtins.left = 1; vars(builtins)['len'] = None",
        "import builtins\nif hasattr(builtins, 'left') or len([]): breach()",
    ),
    "main_module": ("left = 1", "if 'left' in globals(): breach()"),
    "recursion_limit": ("sys.setrecursionlimit(77)", "if sys.getrecursionlimit() == 77: breach()"),
    "randomness": (
        "import random; random.seed(5)",
        "import random; a = random.random(); random.seed(5)\nif a == random.random(): breach()",
    ),
    "array_randomness": (
        "import numpy; numpy.random.seed(5)",
        """
import numpy; a = numpy.random.rand(); numpy.random.seed(5)
if a == numpy.random.rand(): breach()
""",
    ),
    "signal_handler": (
        "import signal; signal.signal(signal.SIGUSR1, signal.SIG_IGN)",
        "import signal\nif signal.getsignal(signal.SIGUSR1) == signal.SIG_IGN: breach()",
    ),
    "exit_hook": ("import atexit; atexit.register(breach)", "pass"),
    "trace_function": (
        "sys.settrace(lambda *a: None); sys.setprofile(lambda *a: None)",
        "if sys.gettrace() or sys.getprofile(): breach()",
    ),
    "import_hook": ("sys.meta_path.insert(0, None)", "if None in sys.meta_path: breach()"),
    "array_setting": (
        "import numpy; numpy.set_printoptions(precision=1)",
        "import numpy\nif numpy.get_printoptions()['precision'] == 1: breach()",
    ),
}


# what a program writes to the private descriptors: 3, where its process reports to the
# evaluator, and 4, where it answers its test. `frame` and the rest make what is well-formed.
FORGER = """
import os, struct, time
def frame(tag, body): return struct.pack('<cI', tag, len(body)) + body
def number(n):
    data = n.to_bytes(n.bit_length() // 8 + 1, 'little', signed=True)
    return b'i' + struct.pack('<I', len(data)) + data
def text(t): return b's' + struct.pack('<I', len(t)) + t
def items(code, parts): return code + struct.pack('<I', len(parts)) + b''.join(parts)
def array(shape, parts):
    return b'a' + struct.pack(f'<{len(shape) + 1}I', len(shape), *shape) + items(b'', parts)
def colliding(n): return [number(k * (2**61 - 1)) for k in range(n)]
def say(fd, data):
    while data:
        try: data = data[os.write(fd, data):]
        except OSError: return
def end(fd, *parts): say(fd, frame(b'E', items(b't', [text(b'exception'), text(b'x'), *parts])))
def f(*a): return 1
"""

# (has a test, the program)
FORGERIES = {
    "ending_with_a_line_of_megabits": (
        True,
        "end(4, number(1 << (1 << 23)), b'N')\nend(3, number(1 << (1 << 23)), b'N')\nwhile 1: pass",
    ),
    "ending_with_a_line_of_megabits_then_left": (
        True,
        "end(4, number(1 << (1 << 23)), b'N')\nos._exit(0)",
    ),
    "ending_with_an_array_of_ten_billion": (
        False,
        "end(3, array((100_000, 100_000), []), b'N')\nos._exit(0)",
    ),
    "ending_with_a_set_of_one_hash": (
        False,
        "end(3, items(b'S', colliding(20_000)), b'N')\nos._exit(0)",
    ),
    "ending_with_an_array_of_texts": (
        False,
        "end(3, array((100_001,), [text(b'x' * 3_000)] + [text(b'')] * 100_000),"
        " b'N')\nos._exit(0)",
    ),
    "value_with_an_integer_of_megabytes": (
        False,
        "say(3, frame(b'V', number(1 << (8 << 20))))\nos._exit(0)",
    ),
    "forty_values_of_megabytes": (
        False,
        "for _ in range(40): say(3, frame(b'V', items(b'l', [b'N'] * (5 << 20))))\nos._exit(0)",
    ),
    "values_without_end": (False, "while 1: say(3, frame(b'V', items(b'l', [b'N'] * 9)))"),
    "empty_values_without_end": (False, "while 1: say(3, frame(b'V', b'N') * 1000)"),
    "bytes_without_end": (False, "while 1: say(3, bytes(1 << 20))"),
    "value_that_never_ends": (
        False,
        "say(3, struct.pack('<cI', b'V', 1 << 20))\nwhile 1: say(3, b'N')",
    ),
    "value_in_the_widest_form": (
        False,
        "say(3, frame(b'V', items(b'l', [items(b'l', [b'N'])] * 9_000)) * 3)\nos._exit(0)",
    ),
    "second_beginning": (False, "say(3, frame(b'B', b''))"),
    "second_ending": (False, "say(3, frame(b'E', bytes(10)))"),
    "fault_of_the_harness": (False, "say(3, frame(b'X', b'the harness failed'))\nos._exit(0)"),
    "ending_that_is_no_programs": (
        False,
        "for n in range(6, 256): say(3, frame(b'E', bytes([n]) + bytes(9)))\nos._exit(0)",
    ),
    "answer_with_a_set_of_one_hash": (
        True,
        "def f(*a): say(4, frame(b'N',"
        " items(b't', [items(b'S', colliding(200_000)), b'N'])))",
    ),
    "answer_with_a_dictionary_of_one_hash": (
        True,
        "def f(*a):\n    pairs = [b for n in colliding(200_000) for b in (n, b'N')]\n"
        "    body = b'D' + struct.pack('<I', 200_000) + b''.join(pairs)\n"
        "    say(4, frame(b'N', items(b't', [body, b'N'])))",
    ),
    "answer_with_forty_values": (
        True,
        "def f(*a):\n    body = frame(b'N', items(b't', [items(b'l', [b'N'] * 1_500_000), b'N']))\n"
        "    say(4, body * 40)",
    ),
    "answer_with_an_array_of_texts": (
        True,
        "def f(*a): say(4, frame(b'N', items(b't', [array((100_001,),"
        " [text(b'x' * 3_000_000)] + [text(b'')] * 100_000), b'N'])))",
    ),
    "answer_with_an_exception_of_junk": (
        True,
        "def f(*a): say(4, frame(b'O', items(b't', [text(b'SystemExit'), number(5), b'N'])))",
    ),
    "question_after_question": (
        True,
        "def f(*a):\n    while 1: say(4, frame(b'Q', items(b't', [text(b'call'), number(0),"
        " items(b't', []), b'D' + bytes(4)])))",
    ),
    "answers_before_the_calls": (
        True,
        "say(4, frame(b'Y', b'') + frame(b'A', b'7') * 1000)\nos._exit(0)",
    ),
    "descriptors_at_random": (
        True,
        "import random\nfor _ in range(2000): say(random.choice((3, 4)),"
        " frame(random.choice(b'BXVIEYGANOQ').to_bytes(1, 'little'), random.randbytes(40)))",
    ),
}  # fmt: skip


def corpus() -> list[Attack]:
    """All attacks of one process; those on state take two and are in STATE."""
    simple = [
        Attack(group, name, body, REFUSED)
        for group, bodies in (
            ("filesystem", FILESYSTEM),
            ("network", NETWORK),
            ("process", PROCESS),
        )
        for name, body in bodies.items()
    ]
    bounded = [
        Attack(group, name, body, endings)
        for group, bodies in (("resource", RESOURCE), ("output", OUTPUT))
        for name, (body, endings) in bodies.items()
    ]
    return simple + bounded
