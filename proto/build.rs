//! Compiles the `.proto` files with protox, so that a fresh machine needs no protoc.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    let files = [
        "hone/v1/hone.proto",
        "hone/v1/client.proto",
        "hone/v1/dataset.proto",
        "hone/v1/label.proto",
        "hone/worker/v1/worker.proto",
        "hone/journal/v1/journal.proto",
        "hone/journal/v1/datasets.proto",
        "hone/journal/v1/labels.proto",
        "optuna/storage.proto",
        "katib/suggestion.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["."])?;
    // Served by the reflection service.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("hone.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().bytes(".").compile_fds(descriptors)?;
    Ok(())
}
