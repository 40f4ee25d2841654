//! Writes the seeds of a target into a folder, for cargo-fuzz: `seeds TARGET FOLDER`.

use std::error::Error;
use std::fs;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(target), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: seeds TARGET FOLDER".into());
    };
    fs::create_dir_all(&folder)?;
    for (index, seed) in koogallery_fuzz::seeds(&target).iter().enumerate() {
        fs::write(Path::new(&folder).join(format!("seed-{index:04}")), seed)?;
    }
    Ok(())
}
