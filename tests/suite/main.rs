//! All tests of the project from outside, in one program so that it links once.

mod answers;
mod assertions;
mod bad_input;
mod browser;
mod cluster;
mod command_line;
mod diagnostics;
mod documentation;
mod emitted;
mod erp1;
mod formatting;
mod graph;
mod library;
mod licences;
mod mistakes;
mod output;
mod profiles;
mod properties;
mod prove;
mod report;
mod rules;
mod sessions;
mod shell;
mod show;
mod ui;
mod yaml;
