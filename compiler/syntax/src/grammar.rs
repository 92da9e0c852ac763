//! The parser that pest makes of `erp.pest`.

#[derive(pest_derive::Parser)]
#[grammar = "erp.pest"]
pub(crate) struct Grammar;
