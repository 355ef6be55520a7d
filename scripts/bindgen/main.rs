//! Makes the JavaScript glue of a wasm module.
//!
//! usage: bodymap-bindgen MODULE.wasm OUT_DIR

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(module), Some(out)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: bodymap-bindgen MODULE.wasm OUT_DIR");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    let made = bindgen
        .input_path(module)
        .web(true)
        .and_then(|b| b.typescript(false).remove_name_section(true).remove_producers_section(true).generate(out));
    match made {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bodymap-bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}
