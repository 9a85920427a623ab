//! The protobuf messages, generated from `proto/` by `tools/gen-protos`.

#[allow(missing_docs, unreachable_pub, clippy::all)]
#[rustfmt::skip]
pub(super) mod manifest;
#[allow(missing_docs, unreachable_pub, clippy::all)]
#[rustfmt::skip]
pub(super) mod trie;
