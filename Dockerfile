# docker build -t mtpb .                              with PyTorch's build for CPUs
# docker build -t mtpb --build-arg TORCH=cuda .       for NVIDIA GPUs
# docker run --rm -v "$PWD:/data" -u "$(id -u):$(id -g)" mtpb run benchmark.limit=5
# See docs/install.md.
ARG PYTHON=3.11

FROM docker.io/library/python:${PYTHON}-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY mtpb mtpb
COPY models models
COPY benchmarks benchmarks
COPY sandbox sandbox
COPY conf conf
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM docker.io/library/python:${PYTHON}-slim-bookworm
ARG TORCH=cpu
ARG TORCH_INDEX=
COPY constraints.txt /tmp/
# Before the wheel is copied, so that torch is fetched once for all builds of changed source.
# Triton compiles the attention kernel for a GPU with a C compiler.
RUN case "$TORCH" in \
        cpu) index=${TORCH_INDEX:-https://download.pytorch.org/whl/cpu} ;; \
        cuda) index=$TORCH_INDEX \
            && apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev \
            && rm -rf /var/lib/apt/lists/* ;; \
        *) echo "TORCH=$TORCH: take cpu or cuda" >&2; exit 1 ;; \
    esac \
    && pip install --no-cache-dir -c /tmp/constraints.txt ${index:+--index-url "$index"} torch
ARG EXTRAS=endpoint,transformers
COPY --from=build /wheels /tmp/wheels
RUN pip install --no-cache-dir -c /tmp/constraints.txt \
        "$(ls /tmp/wheels/*.whl)${EXTRAS:+[$EXTRAS]}" \
    && rm -r /tmp/wheels /tmp/constraints.txt \
    && useradd --create-home --uid 1000 mtpb \
    && install -d -o mtpb -g mtpb /data
USER mtpb
WORKDIR /data
# in the mounted folder, so that checkpoints and suites are fetched once; writable for any user
ENV HF_HOME=/data/.cache/huggingface MTPB_CACHE=/data/.cache/mtpb MPLCONFIGDIR=/tmp/matplotlib HOME=/tmp
ENTRYPOINT ["mtpb"]
CMD ["--help"]
