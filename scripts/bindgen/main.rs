//! Makes the JavaScript glue of a wasm module, and leaves out of the module what it links but cannot reach.
//!
//! usage: bodymap-bindgen MODULE.wasm OUT_DIR

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use walrus::{FunctionBuilder, FunctionKind, Module, ModuleConfig};
use wasm_bindgen_cli_support::Bindgen;

/// Paths whose functions become a trap, a ninth of the engine's module: what reads and writes another file format
/// than ours, linked because tract registers it when the module starts, and Fourier transforms, which `src/engine/tract.rs`
/// does not offer to networks.
const UNREACHABLE: [&str; 2] = ["tract_nnef::", "rustfft::"];

/// Part of the names of functions that run when the module starts.
const CONSTRUCTOR: &str = "__ctor";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(module), Some(out)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: bodymap-bindgen MODULE.wasm OUT_DIR");
        return ExitCode::from(2);
    };
    match make(&module, &out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bodymap-bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn make(path: &OsStr, out: &OsStr) -> anyhow::Result<()> {
    let mut module = ModuleConfig::new()
        // As wasm-bindgen reads modules: with threads LLVM's atomics do not pass the strict check.
        .strict_validate(false)
        .generate_dwarf(false)
        .generate_name_section(false)
        .generate_producers_section(false)
        .parse_file(path)?;
    leave_out(&mut module);
    let name = Path::new(path).file_stem().unwrap_or_default().to_string_lossy();
    Bindgen::new().input_module(&name, module).web(true)?.typescript(false).generate(out)
}

fn leave_out(module: &mut Module) {
    let left_out = |name: &str| {
        let path = format!("{:#}", rustc_demangle::demangle(name));
        let path = path.trim_start_matches(['<', '&']);
        !path.contains(CONSTRUCTOR) && UNREACHABLE.iter().any(|start| path.starts_with(start))
    };
    let functions = module.funcs.iter_local().map(|(id, _)| id).collect::<Vec<_>>();
    for id in functions {
        let function = module.funcs.get(id);
        if !function.name.as_deref().is_some_and(left_out) {
            continue;
        }
        let (parameters, results) = module.types.params_results(function.ty());
        let (parameters, results) = (parameters.to_vec(), results.to_vec());
        let mut trap = FunctionBuilder::new(&mut module.types, &parameters, &results);
        trap.func_body().unreachable();
        let locals = parameters.iter().map(|of| module.locals.add(*of)).collect();
        module.funcs.get_mut(id).kind = FunctionKind::Local(trap.local_func(locals));
    }
}
