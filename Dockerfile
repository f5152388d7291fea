# The controller and command line in one static binary, and nothing else.
#
#   docker build --build-arg PUNCTUAL_COMMIT="$(git rev-parse --short HEAD)" -t punctual .

FROM rust:1-bookworm AS build
WORKDIR /src
COPY . .
ARG PUNCTUAL_COMMIT
# Naming the target keeps the flags away from procedural macros, which can't be
# built statically; the target is whatever this machine is.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    target="$(rustc -vV | sed -n 's/host: //p')" \
    && RUSTFLAGS="-C target-feature=+crt-static" \
       cargo build --locked --profile dist --bin punctual --target "$target" \
    && cp "target/$target/dist/punctual" /punctual

FROM scratch
COPY --from=build /punctual /punctual
USER 65532:65532
ENTRYPOINT ["/punctual"]
