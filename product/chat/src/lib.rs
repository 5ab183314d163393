//! The widget on a customer's page and the visitors behind it.
