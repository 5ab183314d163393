//! Personal data does not print: [`Pii`] shows a mask for whatever it holds, and [`debug_shows`](crate::debug_shows) gives a type a
//! `Debug` that shows only the fields it names, so that a field which is added later is hidden until somebody decides otherwise.

use std::fmt;

/// What stands where something personal would.
const MASK: &str = "[personal]";

/// A value about a person: a name, an address, a number, words. Prints as a mask, for people and for debugging alike; what is in it
/// is taken out by name.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pii<T>(pub T);

impl<T> fmt::Debug for Pii<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

impl<T> fmt::Display for Pii<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(MASK)
    }
}

/// `Debug` for a type that holds something personal: shows the fields that are named here and no others.
///
/// ```
/// struct Person { id: u32, name: &'static str }
/// storage::debug_shows!(struct Person { id });
/// assert_eq!(format!("{:?}", Person { id: 7, name: "Mary" }), "Person { id: 7, .. }");
/// # let _used = Person { id: 7, name: "Mary" }.name;
///
/// enum Said { Words { text: &'static str, sequence: u32 }, Key(char), Nothing }
/// storage::debug_shows!(enum Said { Words { sequence }, Key {}, Nothing {} });
/// assert_eq!(format!("{:?}", Said::Words { text: "my secret", sequence: 3 }), "Words { sequence: 3, .. }");
/// assert_eq!(format!("{:?} {:?}", Said::Key('7'), Said::Nothing), "Key { .. } Nothing { .. }");
/// ```
#[macro_export]
macro_rules! debug_shows {
    (struct $type:ident $(<$life:lifetime>)? { $($shown:ident),* $(,)? }) => {
        impl $(<$life>)? ::core::fmt::Debug for $type $(<$life>)? {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                formatter
                    .debug_struct(stringify!($type))
                    $(.field(stringify!($shown), &self.$shown))*
                    .finish_non_exhaustive()
            }
        }
    };
    (enum $type:ident { $($variant:ident { $($shown:ident),* $(,)? }),* $(,)? }) => {
        impl ::core::fmt::Debug for $type {
            fn fmt(&self, formatter: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                match self {
                    $(Self::$variant { $($shown,)* .. } => formatter
                        .debug_struct(stringify!($variant))
                        $(.field(stringify!($shown), $shown))*
                        .finish_non_exhaustive(),)*
                }
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::Pii;

    struct Borrowed<'a> {
        id: u8,
        name: &'a str,
    }

    crate::debug_shows!(struct Borrowed<'a> { id });

    #[test]
    fn a_mask_is_all_that_prints_however_it_is_asked() {
        let mary = Pii("Mary");
        assert_eq!(
            format!("{mary} {mary:?} {mary:#?} {:?}", Some(mary)),
            "[personal] [personal] [personal] Some([personal])"
        );
        assert_eq!(mary.0, "Mary");
    }

    #[test]
    fn only_named_fields_are_shown() {
        let borrowed = Borrowed { id: 1, name: "Mary" };
        assert_eq!(format!("{borrowed:?} {borrowed:#?}"), "Borrowed { id: 1, .. } Borrowed {\n    id: 1,\n    ..\n}");
        assert_eq!(borrowed.name, "Mary");
    }
}
