//! Phone calls as readable dialogues, with keys only: consent, booking, messages, silence.

use agents::reply::ChoiceLabel;

use super::*;

#[test]
fn recording_starts_only_after_one_and_a_heard_notice() {
    let mut bench = Bench::open(ChannelKind::Phone);
    assert_eq!(names(&bench.state.last.parts.clone()), ["ai_notice", "greeting", "recording_notice"]);
    assert_eq!(names(&bench.key('1')), ["recording_notice"], "the notice was not heard to its end");
    assert_eq!(bench.records(), 0);
    bench.heard();
    assert_eq!(names(&bench.key('1')), ["recording_agreed", "menu"]);
    assert_eq!(bench.records(), 1);
    assert_eq!(bench.state.recording, Recording::On);
}

#[test]
fn every_other_key_silence_and_haste_record_nothing() {
    for key in "023456789*#".chars() {
        let mut bench = Bench::open(ChannelKind::Phone);
        bench.heard();
        bench.key(key);
        bench.event(&Event::Silence);
        bench.event(&Event::Silence);
        assert_eq!(bench.records(), 0, "{key}");
        assert_ne!(bench.state.phase, Phase::Consent, "{key}: the question ends");
    }
    let mut hasty = Bench::open(ChannelKind::Phone);
    hasty.keys("1111");
    assert_eq!(hasty.records(), 0);
}

#[test]
fn part_of_the_notice_or_another_reply_is_not_the_notice() {
    let mut bench = Bench::open(ChannelKind::Phone);
    let sequence = bench.state.last_said;
    bench.event(&Event::Spoken { sequence, whole: false, milliseconds: 400 });
    bench.event(&Event::Spoken { sequence: sequence + 1, whole: true, milliseconds: 400 });
    bench.key('1');
    assert_eq!(bench.records(), 0);
}

#[test]
fn eight_stops_the_recording_anywhere() {
    let mut bench = Bench::recorded_call();
    bench.key('1');
    let said = bench.key('8');
    assert_eq!(names(&said)[0], "recording_declined");
    assert_eq!(bench.did(|effect| matches!(effect, Effect::StopRecording { withdrawn: true, .. })), 1);
    assert_eq!(bench.state.recording, Recording::Off);
    bench.key('8');
    assert_eq!(bench.did(|effect| matches!(effect, Effect::StopRecording { withdrawn: true, .. })), 1);
}

#[test]
fn a_whole_booking_with_keys() {
    let mut bench = Bench::recorded_call();
    assert_eq!(bench.state.choices[0].label, ChoiceLabel::Flow("book".to_owned()));
    assert_eq!(names(&bench.key('1')), ["ask_slot"]);
    assert_eq!(names(&bench.key('2')), ["ask_slot", "free_days"]);
    assert_eq!(names(&bench.key('1')), ["free_times", "ask_slot"]);
    assert_eq!(names(&bench.key('3')), ["ask_this_number"], "no name is asked for: it could not be understood");
    assert_eq!(names(&bench.key('1')), ["confirm_flow"]);
    assert_eq!(names(&bench.key('1')), ["booked", "menu"]);
    assert_eq!(
        bench.arguments(),
        [
            ("service".to_owned(), SlotValue::Service("cleaning".to_owned())),
            ("day".to_owned(), SlotValue::Day(date(2026, 12, 8))),
            ("time".to_owned(), SlotValue::Time(time(10, 0, 0, 0))),
            ("phone".to_owned(), SlotValue::PhoneNumber("+49301234567".to_owned())),
        ]
    );
}

#[test]
fn another_number_is_keyed_and_ended_by_hash_or_silence() {
    for closing in ["#", ""] {
        let mut bench = Bench::recorded_call();
        bench.keys("1211");
        assert_eq!(names(&bench.key('2')), ["ask_slot"]);
        assert_eq!(bench.keys("0301112223"), [], "0, 8 and 9 are digits while a number is keyed");
        let said = if closing == "#" { bench.key('#') } else { bench.event(&Event::Silence) };
        assert_eq!(names(&said), ["confirm_flow"]);
        assert!(bench.state.running.is_some());
    }
}

#[test]
fn a_number_too_short_is_refused_and_star_begins_again() {
    let mut bench = Bench::recorded_call();
    bench.keys("12112");
    assert_eq!(names(&bench.keys("1234#")), ["slot_refused", "ask_slot"]);
    bench.keys("999*");
    assert_eq!(names(&bench.keys("12345#")), ["confirm_flow"]);
}

#[test]
fn opening_hours_and_back_to_the_menu() {
    let mut bench = Bench::recorded_call();
    assert_eq!(bench.key('2'), [Part::Hours { open_now: true }, Part::Menu]);
}

#[test]
fn a_message_is_recorded_after_its_own_yes() {
    let mut bench = Bench::open(ChannelKind::Phone);
    bench.key('2');
    assert_eq!(names(&bench.key('3')), ["message_notice"]);
    assert_eq!(names(&bench.key('1')), ["message_notice"], "not heard to its end");
    bench.heard();
    assert_eq!(names(&bench.key('1')), ["leave_message"]);
    assert_eq!(bench.did(|effect| matches!(effect, Effect::TakeVoicemail { .. })), 1);
    assert_eq!(bench.did(|effect| matches!(effect, Effect::StartRecording { .. })), 0);
    let recorded = Event::MessageRecorded { recording: Uuid::from_u128(5), seconds: 9 };
    assert_eq!(names(&bench.event(&recorded)), ["ask_this_number"]);
    assert_eq!(names(&bench.key('1')), ["message_taken", "menu"]);
    assert!(bench.arguments().contains(&("message".to_owned(), SlotValue::Recording(Uuid::from_u128(5)))));
}

#[test]
fn a_message_is_not_lost_when_the_caller_hangs_up() {
    let message = |first: Event, second: Event| {
        let mut bench = Bench::open(ChannelKind::Phone);
        bench.keys("23");
        bench.heard();
        bench.key('1');
        bench.event(&first);
        bench.event(&second);
        bench
    };
    let recorded = Event::MessageRecorded { recording: Uuid::from_u128(5), seconds: 9 };
    for bench in [message(recorded.clone(), Event::HungUp), message(Event::HungUp, recorded)] {
        assert!(bench.state.ended());
        assert_eq!(bench.did(|effect| matches!(effect, Effect::Act { .. })), 1);
        assert_eq!(
            bench.arguments(),
            [
                ("message".to_owned(), SlotValue::Recording(Uuid::from_u128(5))),
                ("phone".to_owned(), SlotValue::PhoneNumber("+49301234567".to_owned())),
            ]
        );
    }
}

#[test]
fn a_person_is_a_transfer_where_the_owner_set_one() {
    let mut bench = Bench::recorded_call();
    assert_eq!(names(&bench.key('0')), ["no_person_now", "offer_message"]);
    let mut bench = Bench::open(ChannelKind::Phone);
    bench.profile.handoff.transfer_to = Some("sip:desk@127.0.0.1".to_owned());
    bench.key('2');
    assert_eq!(names(&bench.key('0')), ["calling_person"]);
    let target = TransferTarget::new("sip:desk@127.0.0.1", agents::command::Provenance::Owner).expect("the owner's");
    assert!(bench.effects.contains(&Effect::Transfer { target }));
    assert_eq!(names(&bench.event(&Event::TransferEnded { connected: false })), ["no_person_now", "offer_message"]);
}

#[test]
fn a_transfer_goes_only_where_the_owner_said_or_what_was_verified() {
    use agents::command::Provenance::{Caller, Document, Owner, Tool, Verified};
    for allowed in [Owner, Verified] {
        assert!(TransferTarget::new("+49301", allowed).is_some());
    }
    for refused in [Caller, Document, Tool] {
        assert_eq!(TransferTarget::new("+49301", refused), None);
    }
}

#[test]
fn silence_is_asked_about_twice_and_then_ends_the_call() {
    let mut bench = Bench::recorded_call();
    assert_eq!(names(&bench.event(&Event::Silence))[0], "still_there");
    assert_eq!(names(&bench.event(&Event::Silence))[0], "still_there");
    assert_eq!(names(&bench.event(&Event::Silence)), ["goodbye"]);
    assert!(bench.effects.contains(&Effect::HangUp));
    assert!(bench.effects.contains(&Effect::End { reason: EndReason::Silence }));
}

#[test]
fn a_key_between_silences_starts_the_count_again() {
    let mut bench = Bench::recorded_call();
    for _ in 0..5 {
        bench.event(&Event::Silence);
        bench.key('*');
    }
    assert!(!bench.state.ended());
}

#[test]
fn a_caller_asks_the_documents_with_keys_and_hears_a_quote() {
    let mut bench = Bench::recorded_call();
    bench.knows = Some(answer("A cleaning costs 72 pounds."));
    assert_eq!(names(&bench.key('6')), ["which_question"]);
    let labels: Vec<_> = bench.state.choices.iter().map(|choice| choice.label.clone()).collect();
    assert_eq!(labels[1], ChoiceLabel::Question("How much is a cleaning?".to_owned()));
    assert_eq!((labels.len(), bench.state.silence_seconds()), (3, Some(7)), "a key is waited for");
    assert_eq!(names(&bench.event(&Event::Silence)), ["still_there", "which_question"]);
    assert_eq!(names(&bench.key('2')), ["quote", "menu"]);
    let question = "How much is a cleaning?".to_owned();
    assert!(bench.effects.contains(&Effect::Search { question }), "the owner's words are looked up");
    assert_eq!(bench.did(|effect| matches!(effect, Effect::NoteGap { .. })), 0);
}

#[test]
fn a_question_without_an_answer_is_a_gap_and_leads_to_a_person() {
    let mut bench = Bench::recorded_call();
    assert_eq!(names(&bench.keys("61")), ["which_question", "not_known", "offer_person"]);
    let question = "How much is a check-up?".to_owned();
    assert!(bench.effects.contains(&Effect::NoteGap { question }));
    assert_eq!(names(&bench.keys("1")), ["no_person_now", "offer_message"]);
}

#[test]
fn a_key_that_stands_for_no_question_brings_the_menu() {
    let mut bench = Bench::recorded_call();
    assert_eq!(names(&bench.keys("65")), ["which_question", "not_understood", "menu"]);
}

#[test]
fn without_a_voice_for_documents_it_is_said_where_they_can_be_asked() {
    let mut bench = Bench::call_without_voice();
    bench.knows = Some(answer("A cleaning costs 72 pounds."));
    assert_eq!(names(&bench.key('6')), ["answers_elsewhere", "offer_person"]);
    assert_eq!(names(&bench.key('2')), ["menu"]);
    let asked = vec![Command::Ask { question: "How much is a cleaning?".to_owned() }];
    assert_eq!(names(&bench.say(asked)), ["answers_elsewhere", "offer_person"], "whoever asked in words");
    assert!(!bench.effects.iter().any(|effect| matches!(effect, Effect::Say { plan }
        if plan.parts.iter().any(|part| matches!(part, Part::Quote { .. })))));
}
