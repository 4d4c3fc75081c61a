# docker build -t mtpb .                              with PyTorch's build for CPUs
# docker build -t mtpb --build-arg TORCH=cuda .       for NVIDIA GPUs
# docker run --rm -v "$PWD:/data" -u "$(id -u):$(id -g)" mtpb run benchmark.limit=5
# See docs/install.md.
ARG PYTHON=3.11

FROM python:${PYTHON}-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml README.md ./
COPY mtpb mtpb
COPY models models
COPY benchmarks benchmarks
COPY sandbox sandbox
COPY conf conf
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:${PYTHON}-slim-bookworm
ARG TORCH=cpu
ARG EXTRAS=endpoint,transformers
COPY constraints.txt /tmp/
COPY --from=build /wheels /tmp/wheels
# Triton compiles the attention kernel for a GPU with a C compiler
RUN if [ "$TORCH" = cuda ]; then \
        apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev \
        && rm -rf /var/lib/apt/lists/*; \
    else \
        pip install --no-cache-dir -c /tmp/constraints.txt \
            --index-url https://download.pytorch.org/whl/cpu torch; \
    fi
RUN pip install --no-cache-dir -c /tmp/constraints.txt "$(ls /tmp/wheels/*.whl)[$EXTRAS]" \
    && rm -r /tmp/wheels /tmp/constraints.txt \
    && useradd --create-home --uid 1000 mtpb \
    && install -d -o mtpb -g mtpb /data
USER mtpb
WORKDIR /data
# in the mounted folder, so that checkpoints and suites are fetched once; writable for any user
ENV HF_HOME=/data/.cache/huggingface MTPB_CACHE=/data/.cache/mtpb MPLCONFIGDIR=/tmp/matplotlib HOME=/tmp
ENTRYPOINT ["mtpb"]
CMD ["--help"]
