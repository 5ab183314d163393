//! Chats in the visitor's own words: understanding, engine and wording together.

use agents::{compose, understand};

use super::*;

/// A chat in words; the calendar and the documents are those of the bench.
struct Talk(Bench);

impl Talk {
    fn open() -> Talk {
        Talk(Bench::open(ChannelKind::Chat))
    }

    /// What is answered, in words.
    fn say(&mut self, words: &str) -> String {
        let bench = &mut self.0;
        let commands = understand::commands(&bench.profile, &bench.state.view(&bench.profile, NOW), words);
        let before = bench.effects.len();
        bench.event(&Event::Turn { text: words.to_owned(), commands: commands.clone() });
        let mut answer = Vec::new();
        for effect in &bench.effects[before..] {
            if let Effect::Say { plan } = effect {
                let reply = compose::text(&bench.profile, plan);
                let labels: Vec<String> = reply.choices.into_iter().map(|choice| choice.label).collect();
                answer.push(format!("{} {labels:?}", reply.text.replace('\n', " / ")));
            }
        }
        answer.join(" ")
    }
}

/// Each line of a dialogue: what is said, and words that the answer must hold.
fn dialogue(lines: &[(&str, &str)]) -> Talk {
    let mut talk = Talk::open();
    for (words, wanted) in lines {
        let answer = talk.say(words);
        assert!(answer.contains(wanted), "> {words}\n  {answer}\n  holds no {wanted:?}");
    }
    talk
}

#[test]
fn a_booking_in_words() {
    let talk = dialogue(&[
        ("hi", "Book an appointment"),
        ("I need an appointment for a cleaning tomorrow afternoon", "2:00 pm"),
        ("3:30 pm", "What is your name?"),
        ("Ada Byron", "telephone number"),
        ("030 1234567", "Telephone: 0301234567"),
        ("yes", "Your appointment is booked: Professional cleaning on Tuesday, 8 December 2026 at 3:30 pm"),
        ("thanks", "You are welcome."),
        ("bye", "Goodbye."),
    ]);
    assert!(talk.0.state.ended());
}

#[test]
fn a_booking_with_a_question_and_corrections() {
    dialogue(&[
        ("can I come in on Saturday for a filling?", "We are closed on that day."),
        ("what does it cost?", "I do not know that"),
        ("Thursday at 10", "What is your name?"),
        ("my name is ada byron", "telephone number"),
        ("my number is 0301234567", "Thursday, 10 December 2026"),
        ("no, friday", "Day: Friday, 11 December 2026 / Time: 10:00 am / Name: Ada Byron"),
        ("no", "What would you like to change?"),
        ("Telephone", "At which telephone number"),
        ("030 555 1111", "Telephone: 0305551111"),
        ("yes please", "at 10:00 am"),
    ]);
}

#[test]
fn other_choices_and_bare_numbers() {
    dialogue(&[
        ("Book an appointment", "Which treatment"),
        ("Toothache visit", "Which day"),
        ("the 8th", "9:00 am"),
        ("at noon", "That time is not free."),
        ("Other choices", "3:30 pm"),
        ("9", "What is your name?"),
    ]);
}

#[test]
fn a_complaint_a_callback_and_a_lead() {
    dialogue(&[
        ("I want to complain", "What went wrong?"),
        ("The filling fell out after two days", "What is your name?"),
        ("Ada", "e-mail"),
        ("no", "Your report has been taken"),
        ("can someone call me back?", "What is your message?"),
        ("It is about my bill", "telephone number"),
        ("+49 30 998877", "Your message has been taken"),
        ("I want to become a patient", "What is your name?"),
        ("Ada Byron", "telephone number"),
        ("0301234567", "interested in"),
        ("implants", "Message: implants"),
        ("yes", "We have noted your interest"),
    ]);
}

#[test]
fn what_is_not_known_a_person_and_back() {
    dialogue(&[
        ("do you sell bicycles", "Would you like to speak to a person?"),
        ("yes", "I am calling a person"),
        ("never mind", "All right, I have given that up."),
        ("what are your opening hours?", "Friday: 8:00 am to 1:00 pm"),
        ("are you a robot?", "I am an AI agent"),
        ("my child can't breathe", "call 112 now"),
        ("ok", "choose one of these"),
        ("I'd like to cancel my appointment", "I am calling a person"),
    ]);
}
