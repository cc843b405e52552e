# Calbell in a container: docs/how-to/run-in-containers.md

FROM python:3.11-slim AS build
WORKDIR /source
RUN python -m venv /opt/calbell
COPY requirements.lock ./
RUN /opt/calbell/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/calbell/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
# The number is fixed so that a folder of the host can be given to it.
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/calbell calbell
COPY --from=build /opt/calbell /opt/calbell
ENV PATH=/opt/calbell/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    CALBELL_HOST=0.0.0.0

USER calbell
# Here are the SQLite file, which is called calbell.db, and webhooks that wait for a database.
WORKDIR /var/lib/calbell
VOLUME /var/lib/calbell
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, sys; from http.client import HTTPConnection as To; to = To('127.0.0.1', int(os.environ.get('CALBELL_PORT') or 8000), timeout=4); to.request('GET', '/readyz'); sys.exit(to.getresponse().status != 200)"]

ENTRYPOINT ["calbell"]
CMD ["serve"]
