//! Chats as readable dialogues: what is asked, what is said back, what is done.

use agents::command::Chitchat;
use agents::reply::{ChoiceLabel, SlotProblem};

use super::*;

fn chat() -> Bench {
    Bench::open(ChannelKind::Chat)
}

fn service(key: &str) -> Command {
    set("service", SlotValue::Service(key.to_owned()))
}

fn day(number: i8) -> Command {
    set("day", SlotValue::Day(date(2026, 12, number)))
}

fn name() -> Command {
    set("name", SlotValue::PersonName("Ada Byron".to_owned()))
}

fn phone() -> Command {
    set("phone", SlotValue::PhoneNumber("+49301112223".to_owned()))
}

#[test]
fn the_notice_comes_first() {
    let mut bench = Bench { state: State::new(), ..chat() };
    let opened = bench.event(&Event::Opened { channel: ChannelKind::Chat, caller_number: None, reads_aloud: true });
    assert_eq!(names(&opened), ["ai_notice", "greeting"]);
    assert_eq!(bench.state.choices.len(), 6);
}

#[test]
fn a_booking_slot_by_slot() {
    let mut bench = chat();
    assert_eq!(names(&bench.say(vec![start("book")])), ["ask_slot"]);
    assert_eq!(bench.state.choices[1].label, ChoiceLabel::Service("cleaning".to_owned()));
    assert_eq!(names(&bench.event(&Event::Choice { number: 2 })), ["ask_slot", "free_days"]);
    assert_eq!(names(&bench.event(&Event::Choice { number: 1 })), ["free_times", "ask_slot"]);
    assert_eq!(names(&bench.event(&Event::Choice { number: 4 })), ["ask_slot"]);
    assert_eq!(names(&bench.say(vec![name()])), ["ask_slot"]);
    assert_eq!(names(&bench.say(vec![phone()])), ["confirm_flow"]);
    assert_eq!(bench.did(|effect| matches!(effect, Effect::Act { .. })), 0, "nothing is booked before yes");
    let booked = bench.say(vec![Command::Affirm]);
    assert_eq!(
        booked,
        [Part::Booked {
            service: "cleaning".to_owned(),
            day: date(2026, 12, 8),
            time: time(14, 0, 0, 0),
            reference: "K7PQ2M".to_owned()
        }]
    );
    assert_eq!(bench.state.running, None);
}

#[test]
fn a_booking_in_one_sentence_asks_only_for_what_is_missing() {
    let mut bench = chat();
    let half_past_three = set("time", SlotValue::Time(time(15, 30, 0, 0)));
    let said = bench.say(vec![start("book"), service("check_up"), day(8), half_past_three, name(), phone()]);
    assert_eq!(names(&said), ["confirm_flow"]);
    bench.say(vec![Command::Affirm]);
    assert!(bench.arguments().contains(&("time".to_owned(), SlotValue::Time(time(15, 30, 0, 0)))));
}

#[test]
fn a_time_that_is_not_free_is_answered_with_the_nearest() {
    let mut bench = chat();
    let eleven = set("time", SlotValue::Time(time(11, 0, 0, 0)));
    let said = bench.say(vec![start("book"), service("check_up"), day(8), eleven]);
    assert_eq!(names(&said), ["slot_refused", "free_times", "ask_slot"]);
    let Part::FreeTimes { times, .. } = &said[1] else { panic!("free times") };
    assert_eq!(times.as_slice(), [time(9, 0, 0, 0), time(9, 30, 0, 0), time(10, 0, 0, 0), time(14, 0, 0, 0)]);
}

#[test]
fn a_conflict_is_refused_and_offered_again() {
    let mut bench = chat();
    bench.say(vec![start("book"), service("check_up"), day(8), name(), phone()]);
    bench.event(&Event::Choice { number: 1 });
    bench.conflict = true;
    let said = bench.say(vec![Command::Affirm]);
    assert_eq!(names(&said), ["time_taken", "free_times", "ask_slot"]);
    assert_eq!(names(&bench.event(&Event::Choice { number: 2 })), ["confirm_flow"]);
    assert_eq!(names(&bench.say(vec![Command::Affirm])), ["booked"]);
    assert_eq!(bench.did(|effect| matches!(effect, Effect::Act { .. })), 2);
}

#[test]
fn three_conflicts_end_in_the_offer_of_a_person() {
    let mut bench = chat();
    bench.say(vec![start("book"), service("check_up"), day(8), name(), phone()]);
    let mut last = Vec::new();
    for _ in 0..TRIES_MAX {
        bench.event(&Event::Choice { number: 1 });
        bench.conflict = true;
        last = bench.say(vec![Command::Affirm]);
    }
    assert_eq!(names(&last), ["time_taken", "offer_person"]);
    assert_eq!(bench.state.running, None);
}

#[test]
fn a_correction_at_the_end_keeps_the_rest() {
    let mut bench = chat();
    bench.say(vec![start("book"), service("check_up"), day(8), name(), phone()]);
    bench.event(&Event::Choice { number: 5 });
    bench.event(&Event::Choice { number: 1 });
    // "No, the ninth."
    let said = bench.say(vec![Command::Deny, day(9)]);
    assert_eq!(names(&said), ["confirm_flow"], "the same time is free on the other day");
    let Part::ConfirmFlow { values, .. } = &said[0] else { panic!("read back") };
    assert!(values.contains(&("day".to_owned(), SlotValue::Day(date(2026, 12, 9)))));
    assert!(values.contains(&("name".to_owned(), SlotValue::PersonName("Ada Byron".to_owned()))));
}

#[test]
fn a_plain_no_asks_what_to_change() {
    let mut bench = chat();
    bench.say(vec![start("book"), service("check_up"), day(8), name(), phone()]);
    bench.event(&Event::Choice { number: 1 });
    assert_eq!(names(&bench.say(vec![Command::Deny])), ["ask_change"]);
    assert_eq!(bench.state.choices.last().map(|choice| choice.label.clone()), Some(ChoiceLabel::Cancel));
    assert_eq!(names(&bench.event(&Event::Choice { number: 4 })), ["ask_slot"], "the name");
    let other = set("name", SlotValue::PersonName("Grace Hopper".to_owned()));
    assert_eq!(names(&bench.say(vec![other])), ["confirm_flow"]);
}

#[test]
fn days_are_checked_at_their_edges() {
    let refused = |day: Date| {
        let mut bench = chat();
        let said = bench.say(vec![start("book"), service("check_up"), set("day", SlotValue::Day(day))]);
        said.into_iter().find_map(|part| match part {
            Part::SlotRefused { reason, .. } => Some(reason),
            _ => None,
        })
    };
    assert_eq!(refused(date(2026, 12, 6)), Some(SlotProblem::Past));
    assert_eq!(refused(date(2026, 12, 7)), None, "today");
    assert_eq!(refused(date(2026, 12, 12)), Some(SlotProblem::Closed), "a Saturday");
    assert_eq!(refused(date(2027, 2, 5)), None, "60 days ahead");
    assert_eq!(refused(date(2027, 2, 8)), Some(SlotProblem::TooFar));
}

#[test]
fn a_question_in_a_flow_is_answered_and_the_flow_goes_on() {
    let mut bench = chat();
    bench.knows = Some(answer("A cleaning costs € 95."));
    bench.say(vec![start("book"), service("cleaning"), day(8), phone()]);
    bench.event(&Event::Choice { number: 1 });
    let said = bench.say(vec![Command::Ask { question: "What does it cost?".to_owned() }]);
    assert_eq!(names(&said), ["quote", "ask_slot"]);
}

#[test]
fn what_is_not_known_is_admitted_counted_and_a_person_offered() {
    let mut bench = chat();
    let said = bench.say(vec![Command::Ask { question: "Do you sell bicycles?".to_owned() }]);
    assert_eq!(names(&said), ["not_known", "offer_person"]);
    assert_eq!(bench.did(|effect| matches!(effect, Effect::NoteGap { .. })), 1);
    assert_eq!(names(&bench.say(vec![Command::Affirm])), ["calling_person"]);
    assert_eq!(bench.state.phase, Phase::Waiting);
}

#[test]
fn a_person_joins_speaks_and_leaves() {
    let mut bench = chat();
    bench.say(vec![Command::Human]);
    let joined = bench.event(&Event::PersonJoined { display_name: "Mia".to_owned() });
    assert_eq!(names(&joined), ["person_joined"]);
    assert_eq!(bench.say(vec![start("book")]), [], "the agent is silent while a person talks");
    assert_eq!(bench.did(|effect| matches!(effect, Effect::TellPerson)), 1);
    bench.event(&Event::PersonSaid { display_name: "Mia".to_owned(), text: "Hello".to_owned() });
    assert_eq!(bench.did(|effect| matches!(effect, Effect::TellVisitor)), 1);
    assert_eq!(bench.event(&Event::WaitOver), [], "the timer of the wait is void");
    assert_eq!(names(&bench.event(&Event::PersonLeft { end: false })), ["person_left"]);
    assert_eq!(bench.state.phase, Phase::Agent);
}

#[test]
fn nobody_comes_and_a_message_is_taken() {
    let mut bench = chat();
    bench.say(vec![Command::Human]);
    assert_eq!(names(&bench.event(&Event::WaitOver)), ["no_person_now", "offer_message"]);
    assert_eq!(names(&bench.say(vec![Command::Affirm])), ["ask_slot"]);
    bench.say(vec![set("message", SlotValue::Text("Please call me".to_owned()))]);
    assert_eq!(names(&bench.say(vec![phone()])), ["message_taken"]);
}

#[test]
fn an_emergency_gets_the_line_and_nothing_else() {
    let mut bench = chat();
    let said = bench.say(vec![start("book"), Command::Emergency, Command::Ask { question: "x".to_owned() }]);
    assert_eq!(said, [Part::Emergency]);
    assert_eq!(bench.did(|effect| matches!(effect, Effect::Search { .. })), 0);
    assert_eq!(bench.state.running, None);
}

#[test]
fn a_value_refused_three_times_brings_a_person() {
    let mut bench = chat();
    bench.say(vec![start("book")]);
    assert_eq!(names(&bench.say(vec![Command::NotUnderstood])), ["slot_refused", "ask_slot"]);
    assert_eq!(names(&bench.say(vec![Command::NotUnderstood])), ["slot_refused", "ask_slot"]);
    assert_eq!(names(&bench.say(vec![Command::NotUnderstood])), ["slot_refused", "offer_person"]);
    assert_eq!(names(&bench.say(vec![Command::Deny])), ["ask_slot"], "the flow is still there");
}

#[test]
fn misses_in_a_row_bring_a_person() {
    let mut bench = chat();
    assert_eq!(names(&bench.say(vec![Command::NotUnderstood])), ["not_understood", "menu"]);
    assert_eq!(names(&bench.say(vec![Command::NotUnderstood])), ["not_understood", "offer_person"]);
}

#[test]
fn an_optional_slot_may_be_left_out_with_no() {
    let mut bench = chat();
    bench.say(vec![start("lead"), name(), phone()]);
    assert_eq!(names(&bench.say(vec![Command::Deny])), ["confirm_flow"]);
    assert_eq!(names(&bench.say(vec![Command::Affirm])), ["lead_taken"]);
}

#[test]
fn small_talk_cancel_repeat_and_goodbye() {
    let mut bench = chat();
    assert_eq!(bench.say(vec![Command::Chitchat { kind: Chitchat::AreYouHuman }]), [Part::IAmAnAgent]);
    let asked = bench.say(vec![start("ticket")]);
    assert_eq!(bench.say(vec![Command::Repeat]), asked);
    assert_eq!(names(&bench.say(vec![Command::Cancel])), ["cancelled", "menu"]);
    assert_eq!(names(&bench.say(vec![Command::Goodbye])), ["goodbye"]);
    assert!(bench.state.ended());
    assert_eq!(bench.say(vec![start("book")]), []);
}

#[test]
fn more_times_are_offered_page_by_page_and_round_again() {
    let mut bench = chat();
    let times = |parts: &[Part]| {
        parts.iter().find_map(|part| match part {
            Part::FreeTimes { times, .. } => Some(times.clone()),
            _ => None,
        })
    };
    let first = bench.say(vec![start("book"), service("check_up"), day(8)]);
    assert_eq!(times(&first).map(|times| times.len()), Some(4));
    let second = bench.say(vec![Command::Other]);
    assert_eq!(times(&second), Some(vec![time(15, 30, 0, 0)]));
    let again = bench.say(vec![Command::Other]);
    assert_eq!(times(&again), times(&first));
    let afternoon = bench.say(vec![Command::Prefer { from: time(12, 0, 0, 0), until: time(17, 0, 0, 0) }]);
    assert_eq!(times(&afternoon), Some(vec![time(14, 0, 0, 0), time(15, 30, 0, 0)]));
}

#[test]
fn the_questions_of_a_flow_are_buttons_in_a_chat() {
    let mut bench = chat();
    bench.knows = Some(answer("A cleaning costs 72 pounds."));
    assert_eq!(names(&bench.event(&Event::Choice { number: 6 })), ["which_question"]);
    let labels: Vec<_> = bench.state.choices.iter().map(|choice| choice.label.clone()).collect();
    assert_eq!(labels[0], ChoiceLabel::Question("How much is a check-up?".to_owned()));
    assert_eq!(names(&bench.event(&Event::Choice { number: 2 })), ["quote"]);
    assert_eq!(bench.state.awaited, Awaited::Anything);
}
