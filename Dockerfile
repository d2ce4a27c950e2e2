# The web app on port 7860, with everything that lasts in the volume /data. See docs/hosting.md.
#
#   docker build -t sft-keras .                             for the processor
#   docker build -t sft-keras:gpu --build-arg DEVICE=gpu .  with TensorFlow's CUDA libraries
#
# The packages come from where pip is set up to look; their hashes stand in the lock files.

FROM python:3.11-slim-bookworm AS packages
ARG DEVICE=cpu
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH
WORKDIR /source
# Before the code, so that a change of the code does not fetch the packages again.
COPY requirements.lock requirements-gpu.lock ./
RUN pip install --require-hashes --no-deps -r requirements.lock
RUN case "$DEVICE" in \
      cpu) ;; \
      gpu) pip install --require-hashes --no-deps -r requirements-gpu.lock ;; \
      *) echo "DEVICE must be cpu or gpu. Received: $DEVICE" >&2; exit 2 ;; \
    esac
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY configs configs
COPY sft_keras sft_keras
RUN pip install --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm
# Trainings outlive the process that started them: tini, as process 1, takes leave of those that end.
# Debian keeps one version of it in a release, so that naming it would only make the build fail one day.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends --yes tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 user \
    && install --directory --owner user --group user --mode 700 /data
COPY --from=packages /opt/venv /opt/venv
WORKDIR /app
COPY app.py LICENSE NOTICE ./
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GRADIO_ANALYTICS_ENABLED=False \
    GRADIO_SERVER_NAME=0.0.0.0 \
    GRADIO_SERVER_PORT=7860 \
    SFT_DATA_DIR=/data \
    HF_HOME=/data/cache/huggingface \
    KAGGLEHUB_CACHE=/data/cache/kagglehub \
    TF_CPP_MIN_LOG_LEVEL=3
USER 1000
VOLUME /data
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"GRADIO_SERVER_PORT\"]}/healthz', timeout=4)"]
ENTRYPOINT ["tini", "--"]
CMD ["python", "app.py"]
