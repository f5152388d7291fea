# The controller and command line in one static binary, its bill of materials, and nothing else.
#
#   docker build --build-arg PUNCTUAL_COMMIT=$(git rev-parse --short HEAD) -t punctual .
#
# Nothing here depends on the processor: each platform builds for itself, if need be emulated.
# `make image` makes the same without Docker, from the same script and the lines of the last stage.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
ARG PUNCTUAL_COMMIT=unknown
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/root/.cache/punctual \
    --mount=type=cache,target=/src/target \
    hack/image-files /image

FROM scratch
ARG PUNCTUAL_COMMIT=unknown
LABEL org.opencontainers.image.title="Punctual"
LABEL org.opencontainers.image.description="Runs containers on a schedule in Kubernetes: on time, at most once, never two at once"
LABEL org.opencontainers.image.licenses="MIT"
LABEL org.opencontainers.image.version="0.1.0"
LABEL org.opencontainers.image.revision="$PUNCTUAL_COMMIT"
COPY --from=build /image/ /
USER 65532:65532
ENTRYPOINT ["/punctual"]
