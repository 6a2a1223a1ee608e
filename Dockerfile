# Two stages: the first installs and builds, the second holds only what runs.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1
COPY requirements.lock requirements-build.lock ./
RUN python3 -m venv /opt/trading-bot \
    && /opt/trading-bot/bin/pip install --require-hashes -r requirements.lock
RUN python3 -m venv tools \
    && tools/bin/pip install --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md ./
COPY src src
RUN tools/bin/pip wheel --no-deps --no-build-isolation --wheel-dir wheels . \
    && /opt/trading-bot/bin/pip install --no-index --no-deps wheels/*.whl \
    && /opt/trading-bot/bin/pip uninstall --yes pip

FROM ${PYTHON_IMAGE}
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin trading-bot \
    && install -d -m 0700 -o trading-bot -g trading-bot /srv/trading-bot /srv/trading-bot/config
COPY --from=build /opt/trading-bot /opt/trading-bot
ENV PATH="/opt/trading-bot/bin:${PATH}" \
    PYTHONUNBUFFERED=1 \
    TRADING_BOT_HOME=/srv/trading-bot
WORKDIR /srv/trading-bot
USER trading-bot
# Entries are cancelled, stops stay, the records are synced: up to 30 s when live.
STOPSIGNAL SIGTERM
# Alive, not ready: a tripped breaker or a lost quote source is no reason to start again.
HEALTHCHECK --interval=15s --timeout=10s --start-period=30s --retries=3 \
    CMD ["trading-bot", "status", "--alive"]
ENTRYPOINT ["trading-bot"]
CMD ["rehearse", "--generated", "--speed", "60"]
