//! Contacts on both databases.

use identity::Role;
use identity::testing::platforms;
use storage::Schema;

use super::*;

fn details(name: &str, phone: &str) -> Details {
    Details { name: Some(name.to_owned()), phone: Some(phone.to_owned()), email: None }
}

#[tokio::test]
async fn a_contact_is_found_by_number_linked_by_it_and_erased_with_its_key() {
    for test in platforms(Schema::new().with(TABLES, STATEMENTS)).await {
        let platform = &test.platform;
        let organization = test.organization("lindenhof").await.organization;
        let caller = test.member(organization, Role::Owner).await.caller;
        let ada = enter(platform, &caller, &details("Ada", "+49 30 1234567")).await.expect("entered");
        assert_eq!(ada.details.phone.as_deref(), Some("+49301234567"), "{}", test.name);
        test.clock.advance_seconds(1);
        let twin = enter(platform, &caller, &details("A. B.", "0049 30 1234567")).await.expect("entered");
        assert_eq!(twin.same_as, Some(ada.id), "linked, not merged");
        let keyring = caller.keyring(platform).await.expect("keys");
        let mut transaction = caller.database(platform).begin().await.expect("begun");
        let found = find_by_phone(&mut transaction, &keyring, "+49301234567").await.expect("asked");
        assert_eq!(found, Some(ada.id));
        drop(transaction);
        erase(platform, &caller, ada.id).await.expect("erased");
        let gone = get(platform, &caller, ada.id).await.expect("the row stays");
        assert!(gone.erased && gone.details == Details::default());
        let mut transaction = caller.database(platform).begin().await.expect("begun");
        let found = find_by_phone(&mut transaction, &keyring, "+49301234567").await.expect("asked");
        assert_eq!(found, Some(twin.id), "the index of the erased one is empty");
        drop(transaction);
        assert!(matches!(edit(platform, &caller, ada.id, &details("x", "12345")).await, Err(Error::NotFound)));
        let other = test.organization("other").await.organization;
        let stranger = test.member(other, Role::Owner).await.caller;
        assert!(matches!(get(platform, &stranger, twin.id).await, Err(Error::NotFound)));
        assert!(matches!(erase(platform, &stranger, twin.id).await, Err(Error::NotFound)));
    }
}
