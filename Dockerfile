# Two stages: build on Debian 12, then only the binary and its libraries, as a user without rights.
#
#   docker build -t trainyard .
#   docker run --init -p 127.0.0.1:8080:8080 -e TRAINYARD_TOKEN=... -v trainyard:/state -v "$PWD/clicks":/data:ro trainyard
#
# --init: runs are processes of their own that outlive the server; as children of process 1 they need one that reaps them. When the
# container ends, its runs end too (they resume from their checkpoints when it starts again), so stop it with time to spare.
FROM debian:12-slim AS build
WORKDIR /trainyard
COPY script/setup script/lib.sh script/
RUN script/setup
COPY . .
RUN script/build

FROM debian:12-slim
RUN apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends libmicrohttpd12 libjansson4 libsqlite3-0 libuv1 libopenblas0-pthread zlib1g libzstd1 \
        libxxhash0 libcurl4 libnettle8 ca-certificates curl tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /state --create-home trainyard \
    && mkdir -p /data
COPY --from=build /trainyard/build/trainyard /usr/local/bin/trainyard
USER trainyard
VOLUME /state
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD curl -fsS http://127.0.0.1:8080/healthz || exit 1
ENTRYPOINT ["tini", "--"]
# Outside loopback the server wants a token: TRAINYARD_TOKEN.
CMD ["trainyard", "serve", "--listen", "0.0.0.0:8080", "--state", "/state", "--data-root", "/data"]
