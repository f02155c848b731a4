# The image of docker-compose.yml: one for api and worker. Not run yet where this was written (no engine there).
FROM python:3.11-slim
RUN useradd --create-home --uid 10001 juanzong && install -d -o juanzong /data && install -d -o juanzong -m 700 /keys
WORKDIR /app
COPY requirements.lock pyproject.toml README.md LICENSE worker.py ./
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
COPY domain domain
COPY store store
COPY activities activities
COPY workflows workflows
COPY api api
COPY ops ops
COPY rehearsal rehearsal
COPY data data
RUN pip install --no-cache-dir --no-deps --no-build-isolation .
USER juanzong
ENTRYPOINT ["juanzong"]
CMD ["web"]
