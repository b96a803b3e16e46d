# Two stages on Debian 12: build with the compiler, run with the libraries only.
FROM debian:12-slim AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
    build-essential meson ninja-build pkg-config libuv1-dev libpq-dev libcjson-dev \
    libcurl4-openssl-dev libfyaml-dev libjq-dev libonig-dev libpcre2-dev libssl-dev python3 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY meson.build meson_options.txt ./
COPY script script
COPY sql sql
COPY engine engine
COPY steps steps
COPY cli cli
COPY bench bench
RUN meson setup build -Dchecks=disabled && ninja -C build wfctl && strip build/wfctl

FROM debian:12-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
    ca-certificates libuv1 libpq5 libcjson1 libcurl4 libfyaml0 libjq1 libonig5 libpcre2-8-0 libssl3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home --shell /usr/sbin/nologin stepwell
COPY --from=build /src/build/wfctl /usr/local/bin/wfctl
USER stepwell
WORKDIR /tmp
# SIGTERM drains: no new runs, effects end or are left for another worker.
STOPSIGNAL SIGTERM
CMD ["wfctl", "worker"]
