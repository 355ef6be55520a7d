//! Decodes photos as every part of bodymap does: `decode PHOTO... --out FOLDER` writes the upright RGBA
//! pixels of each as a file `NAME.rgba` and prints a line of JSON a photo,
//! `{"name", "width", "height"}` or `{"name", "code", "message"}`.

use std::fs;
use std::path::Path;

use bodymap::Photo;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(([photos @ .., _], out)) = arguments.split_last().map(|(out, rest)| (rest, out)) else {
        eprintln!("usage: decode PHOTO... --out FOLDER");
        std::process::exit(2);
    };
    for path in photos {
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
        let answer = match Photo::decode(&fs::read(path)?) {
            Ok(photo) => {
                fs::write(Path::new(out).join(format!("{name}.rgba")), photo.rgba())?;
                serde_json::json!({ "name": name, "width": photo.width(), "height": photo.height() })
            }
            Err(error) => {
                serde_json::json!({ "name": name, "code": error.code().as_str(), "message": error.message() })
            }
        };
        println!("{answer}");
    }
    Ok(())
}
