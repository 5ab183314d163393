//! The bounds of an organization's secrets, on both databases.

use storage::testing::databases;

use super::*;
use crate::store::tests::{FIRST, NOW, open, schema, with_organization};

#[tokio::test]
async fn secrets_are_bounded_and_a_full_store_takes_another_value_for_one() {
    for test in databases(schema()).await {
        let keyring = with_organization(&open(&test).await, &test.database, FIRST).await;
        let mut transaction = test.database.organization(FIRST).begin().await.expect("begins");
        for number in 0..MAXIMUM_SECRETS {
            let (id, name) = (Uuid::from_u128(number as u128 + 1), format!("secret-{number}"));
            assert!(keyring.set_secret(&mut transaction, id, &name, "x", NOW).await.expect("room"), "{name} is new");
        }
        let id = Uuid::from_u128(0xffff);
        let beyond = keyring.set_secret(&mut transaction, id, "one-more", "x", NOW).await;
        assert!(matches!(beyond, Err(Error::SecretsFull)), "{}", test.name);
        assert!(!keyring.set_secret(&mut transaction, id, "secret-1", "y", NOW).await.expect("another value"));
        assert!(keyring.delete_secret(&mut transaction, "secret-2").await.expect("gone"));
        assert!(keyring.set_secret(&mut transaction, id, "one-more", "x", NOW).await.expect("room again"));
        let longest = "v".repeat(MAXIMUM_SECRET_LENGTH);
        keyring.set_secret(&mut transaction, id, "one-more", &longest, NOW).await.expect("the longest");
        let longer = keyring.set_secret(&mut transaction, id, "one-more", &format!("{longest}v"), NOW).await;
        assert!(matches!(longer, Err(Error::Secret(_))));
    }
}
