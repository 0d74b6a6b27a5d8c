# The application: workers by default, `prepay …` for everything else.
FROM python:3.11.14-slim-bookworm AS environment
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-install-project --no-default-groups --group app --group cjk
COPY . .
RUN uv sync --frozen --no-default-groups --group app --group cjk

FROM python:3.11.14-slim-bookworm
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 1000 --create-home prepay \
    && install --directory --owner prepay /var/lib/prepay /var/lib/prepay/inbox /var/lib/prepay/outbox
COPY --from=environment /app /app
WORKDIR /app
ENV PATH="/app/.venv/bin:$PATH" PYTHONUNBUFFERED=1
USER prepay
CMD ["python", "worker.py"]
