//! `snowmelt-wasm-bindgen INPUT.wasm FOLDER`: what `wasm-bindgen --target web`
//! does. As a program of this workspace it has the library's version by the
//! same lock file, and nothing has to be installed by hand.

use std::process::ExitCode;

use wasm_bindgen_cli_support::Bindgen;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder] = &arguments[..] else {
        eprintln!("usage: snowmelt-wasm-bindgen INPUT.wasm FOLDER");
        return ExitCode::from(2);
    };
    let mut bindgen = Bindgen::new();
    let web = match bindgen.web(true) {
        Ok(web) => web,
        Err(error) => return failed(&error),
    };
    web.remove_name_section(true).remove_producers_section(true);
    match web.input_path(input).typescript(true).out_name("snowmelt").generate(folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &impl std::fmt::Debug) -> ExitCode {
    eprintln!("snowmelt-wasm-bindgen: {error:?}");
    ExitCode::FAILURE
}
