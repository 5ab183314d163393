//! Signing in: passwords, second factors, passkeys, single sign-on, provisioning and devices.
