//! How `show` and rules see the values of statements.

use std::net::IpAddr;

use ipnet::IpNet;
use smol_str::SmolStr;

use crate::elements::{Element, Kind};
use crate::fact::Plain;
use crate::ids::{NamespaceId, PortId, SecretId, ServiceId, TierId};
use crate::origin::Sourced;
use crate::ty::Ty;
use crate::units::{Cpu, Duration, Memory, Percent, Protocol, Range};
use crate::value::{Type, Value};

/// The names of what ids stand for.
pub(crate) trait Names {
    fn namespace(&self, id: NamespaceId) -> &str;
    /// `namespace.service`.
    fn service(&self, id: ServiceId) -> String;
    fn secret(&self, id: SecretId) -> &str;
    fn port(&self, id: PortId) -> &str;
    fn tier(&self, id: TierId) -> &str;
}

/// A value of a statement, as `show` and rules see it.
pub(crate) trait Shown {
    /// As the language writes it.
    fn show(&self, names: &dyn Names) -> String;
    /// The same without its type.
    fn plain(&self, names: &dyn Names) -> Plain {
        Plain::Text(self.show(names))
    }
    /// The type of its member.
    fn ty() -> Ty {
        Ty::Plain(Type::String)
    }
    /// The value of its member.
    fn value(&self, names: &dyn Names) -> Value {
        Value::Text(self.show(names).into())
    }
}

/// Types with how each is written, its type in rules, and its value there.
macro_rules! shown {
    ($value:ident, $names:ident: $($shown:ty { $show:expr, $ty:expr, $get:expr })*) => {$(
        #[allow(unused_variables, reason = "most need no names")]
        impl Shown for $shown {
            fn show(&self, $names: &dyn Names) -> String {
                let $value = self;
                $show
            }

            fn ty() -> Ty {
                $ty
            }

            fn value(&self, $names: &dyn Names) -> Value {
                let $value = self;
                $get
            }
        }
    )*};
}

shown! { it, names:
    String { it.clone(), Ty::Plain(Type::String), Value::Text(it.into()) }
    SmolStr { it.to_string(), Ty::Plain(Type::String), Value::Text(it.clone()) }
    bool { it.to_string(), Ty::Plain(Type::Bool), Value::Bool(*it) }
    u16 { it.to_string(), Ty::Plain(Type::Int), Value::Int((*it).into()) }
    u32 { it.to_string(), Ty::Plain(Type::Int), Value::Int((*it).into()) }
    Protocol { it.as_suffix().to_owned(), Ty::Word(&["tcp", "udp", "sctp"]), Value::Text(it.as_suffix().into()) }
    Cpu { it.to_string(), Ty::Plain(Type::Cpu), Value::Cpu(*it) }
    Memory { it.to_string(), Ty::Plain(Type::Memory), Value::Memory(*it) }
    Duration { it.to_string(), Ty::Plain(Type::Duration), Value::Duration(*it) }
    Percent { it.to_string(), Ty::Plain(Type::Percent), Value::Percent(*it) }
    IpNet { it.to_string(), Ty::Plain(Type::Cidr), Value::Cidr(*it) }
    IpAddr { it.to_string(), Ty::Plain(Type::Address), Value::Address(*it, None) }
    NamespaceId { names.namespace(*it).to_owned(), Ty::Element(Kind::Namespace), Value::Element(Element::Namespace(*it)) }
    ServiceId { names.service(*it), Ty::Element(Kind::Service), Value::Element(Element::Service(*it)) }
    PortId { names.port(*it).to_owned(), Ty::Element(Kind::Port), Value::Element(Element::Port(*it)) }
    SecretId { names.secret(*it).to_owned(), Ty::Plain(Type::String), Value::Text(names.secret(*it).into()) }
    TierId { names.tier(*it).to_owned(), Ty::Plain(Type::String), Value::Text(names.tier(*it).into()) }
}

impl<T: Shown + PartialEq> Shown for Range<T> {
    fn show(&self, names: &dyn Names) -> String {
        let (min, max) = (self.min.show(names), self.max.show(names));
        if self.min == self.max {
            min
        } else {
            format!("{min}..{max}")
        }
    }

    fn ty() -> Ty {
        Ty::Range(Box::new(T::ty()))
    }

    fn value(&self, names: &dyn Names) -> Value {
        Value::Range(
            Box::new(self.min.value(names)),
            Box::new(self.max.value(names)),
        )
    }
}

impl<T: Shown> Shown for Vec<T> {
    fn show(&self, names: &dyn Names) -> String {
        self.plain(names).to_string()
    }

    fn plain(&self, names: &dyn Names) -> Plain {
        Plain::List(self.iter().map(|item| item.plain(names)).collect())
    }

    fn ty() -> Ty {
        Ty::list(T::ty())
    }

    fn value(&self, names: &dyn Names) -> Value {
        Value::List(self.iter().map(|item| item.value(names)).collect())
    }
}

/// A value that may be absent.
impl<T: Shown> Shown for Option<T> {
    fn show(&self, names: &dyn Names) -> String {
        self.as_ref()
            .map_or_else(|| "off".to_owned(), |set| set.show(names))
    }

    fn ty() -> Ty {
        Ty::optional(T::ty())
    }

    fn value(&self, names: &dyn Names) -> Value {
        self.as_ref().map_or(Value::Off, |set| set.value(names))
    }
}

impl<T: Shown> Shown for Sourced<T> {
    fn show(&self, names: &dyn Names) -> String {
        self.value.show(names)
    }

    fn plain(&self, names: &dyn Names) -> Plain {
        self.value.plain(names)
    }

    fn ty() -> Ty {
        T::ty()
    }

    fn value(&self, names: &dyn Names) -> Value {
        self.value.value(names)
    }
}
