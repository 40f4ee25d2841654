//! Runs a target on its seeds, and on files and the files of folders, without a fuzzer: `run TARGET [PATH...]`.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let target = arguments.next().ok_or("usage: run TARGET [PATH...]")?;
    koogallery_fuzz::seeds(&target).iter().for_each(|seed| koogallery_fuzz::run(&target, seed));
    for path in arguments.map(PathBuf::from) {
        let mut files = vec![path.clone()];
        if path.is_dir() {
            files = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<_, std::io::Error>>()?;
        }
        for file in files {
            koogallery_fuzz::run(&target, &fs::read(file)?);
        }
    }
    Ok(())
}
