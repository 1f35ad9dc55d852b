# docker build -t branchwise .
# docker run -p 8080:8080 -v branchwise:/var/lib/branchwise -v ./secret:/run/secrets/branchwise:ro -e BRANCHWISE_SECRET=/run/secrets/branchwise branchwise

FROM node:20-bookworm-slim AS explorer
WORKDIR /src/explorer
COPY explorer .
RUN npm ci --ignore-scripts && npm run build

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
COPY --from=explorer /src/explorer/dist explorer/dist
# FEATURES=otlp: spans of requests to a collector.
ARG FEATURES=""
RUN cargo build --locked --profile dist --bin branchwise --features "$FEATURES"

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/branchwise --create-home branchwise
COPY --from=build /src/target/dist/branchwise /usr/local/bin/branchwise
USER 10001:10001
WORKDIR /var/lib/branchwise
VOLUME /var/lib/branchwise
# Metrics stay inside the container; where something scrapes from outside: BRANCHWISE_ADMIN_LISTEN=0.0.0.0:9090, published to nobody else.
ENV BRANCHWISE_LISTEN=0.0.0.0:8080 BRANCHWISE_ADMIN_LISTEN=127.0.0.1:9090 BRANCHWISE_LOG=json \
    DATABASE_URL=sqlite:///var/lib/branchwise/branchwise.db?mode=rwc
EXPOSE 8080
# The drain takes up to http.drain_deadline_s: run with a stop timeout (docker stop -t 40) above it.
STOPSIGNAL SIGTERM
# On the port of operators, which never speaks TLS.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["/bin/bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/${BRANCHWISE_ADMIN_LISTEN##*:} && printf 'GET /health/details HTTP/1.0\\r\\n\\r\\n' >&3 && head -n 1 <&3 | grep -q ' 200 '"]
ENTRYPOINT ["branchwise"]
CMD ["serve"]
