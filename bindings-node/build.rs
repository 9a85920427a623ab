//! Lets the linker leave Node's own symbols open where a platform asks to be told.

fn main() {
    napi_build::setup();
}
