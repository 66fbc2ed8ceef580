# syntax=docker/dockerfile:1
# Images of the stages: one build, one small image each, none of which runs as root.
#
#   docker build --target processor -t tripline-processor .
#   docker build --target tripline -t tripline .              # the operator's tool
#
# The first build compiles RocksDB: 20 minutes of processor time. Later ones find it in the cache mounts below.

FROM rust:1.95-bookworm AS build
WORKDIR /src
# The packages alone, so that they stay a layer of their own.
COPY dev rust-toolchain.toml ./
RUN ./dev setup up
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/root/.cache/ccache \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin tripline --bin tripline-processor \
    && mkdir /out && cp target/release/tripline target/release/tripline-processor /out/

FROM debian:bookworm-slim AS base
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends ca-certificates libssl3 libstdc++6 zlib1g \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 tripline \
    && useradd --uid 10001 --gid tripline --home-dir /var/lib/tripline --no-create-home tripline \
    && install -d -o tripline -g tripline -m 0700 /var/lib/tripline /var/lib/tripline-checkpoints
COPY topologies /etc/tripline/topologies
# /etc/tripline/config.toml is read where somebody mounts one; every key is a variable, too (docs/configuration.md).
ENV TRIPLINE_DIR=/var/lib/tripline
USER tripline
WORKDIR /var/lib/tripline

FROM base AS tripline
COPY --from=build /out/tripline /usr/local/bin/
ENTRYPOINT ["tripline"]

# Last, so that it is what a build without --target makes.
FROM base AS processor
COPY --from=build /out/tripline-processor /usr/local/bin/
ENV TRIPLINE_LOG__FORMAT=json
VOLUME ["/var/lib/tripline"]
EXPOSE 7720
# What was applied is published before it ends: docker's ten seconds are just enough, so give it more.
STOPSIGNAL SIGTERM
ENTRYPOINT ["tripline-processor"]
