//! Prompts: every sentence and glue word that embedded flows can say on the phone.
//!
//! The English text here is the single source: the phone renders each prompt once to audio, and a test renders none
//! that is not listed. What is not a prompt (numbers, dates, times, letters, free text) is a unit of
//! [`crate::compose::Speech`].

use serde::{Deserialize, Serialize};

macro_rules! prompts {
    ($($(#[$note:meta])* $id:ident, $name:literal, $text:literal;)+) => {
        /// One thing that can be said.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum PromptId {
            $(#[doc = $text] $(#[$note])* $id,)+
        }

        impl PromptId {
            /// Every prompt, in the order of this file.
            pub const ALL: &'static [PromptId] = &[$(PromptId::$id,)+];

            /// The English words.
            pub const fn text(self) -> &'static str {
                match self { $(PromptId::$id => $text,)+ }
            }

            /// A stable name, usable as a file name.
            pub const fn name(self) -> &'static str {
                match self { $(PromptId::$id => $name,)+ }
            }
        }
    };
}

prompts! {
    Hello, "hello", "Thank you for calling.";
    WelcomeTo, "welcome_to", "Welcome to";
    AiNotice, "ai_notice", "You are talking to an AI agent.";
    RecordingNotice, "recording_notice", "With your consent, we record this call to check later what was agreed.";
    RecordingQuestion, "recording_question", "To agree, press 1. If not, press 2.";
    RecordingAgreed, "recording_agreed", "Thank you. To stop the recording at any time, press 8.";
    RecordingDeclined, "recording_declined", "All right. This call is not recorded.";
    WhatToDo, "what_to_do", "What can I do for you?";
    MenuBook, "menu_book", "an appointment";
    MenuLead, "menu_lead", "services";
    MenuTicket, "menu_ticket", "a problem";
    MenuMessage, "menu_message", "a message";
    MenuHours, "menu_hours", "opening hours";
    MenuQuestions, "menu_questions", "common questions";
    MenuPerson, "menu_person", "a person, 0.";
    For, "for", "For";
    Press, "press", "press";
    TheServiceWithNumber, "the_service_with_number", "the service with the number";
    TheChoiceWithNumber, "the_choice_with_number", "the choice with the number";
    OtherChoices, "other_choices", "For other choices, press";
    YesPress, "yes_press", "For yes, press";
    NoPress, "no_press", "For no, press";
    PersonPress, "person_press", "For a person, press";
    CancelPress, "cancel_press", "To give it up, press";
    ChangeService, "change_service", "To change the service, press";
    ChangeDay, "change_day", "To change the day, press";
    ChangeTime, "change_time", "To change the time, press";
    ChangeName, "change_name", "To change the name, press";
    ChangePhoneNumber, "change_phone_number", "To change the telephone number, press";
    ChangeEmail, "change_email", "To change the e-mail address, press";
    ChangeText, "change_text", "To change your message, press";
    WhatToChange, "what_to_change", "What would you like to change?";
    AskService, "ask_service", "Which service would you like?";
    AskDay, "ask_day", "Which day would suit you?";
    AskTime, "ask_time", "Which time would suit you?";
    AskName, "ask_name", "What is your name?";
    AskPhoneNumber, "ask_phone_number", "Please enter the telephone number at which we can reach you, and then press the hash key.";
    AskThisNumber, "ask_this_number", "Can we reach you at the number that you are calling from?";
    AskEmail, "ask_email", "What is your e-mail address?";
    AskText, "ask_text", "What is it about?";
    FirstFreeDays, "first_free_days", "These are the next days with free times.";
    FreeTimesOn, "free_times_on", "These times are free on";
    NoFreeTimeOn, "no_free_time_on", "There is no free time on";
    NextFreeDay, "next_free_day", "The next day with a free time is";
    NoFreeDays, "no_free_days", "I am sorry, there is no free time in the days that can be booked.";
    NotReadable, "not_readable", "I am sorry, I could not read that.";
    DayPast, "day_past", "That day has already passed.";
    DayTooFar, "day_too_far", "That day is too far ahead to be booked.";
    DayClosed, "day_closed", "We are closed on that day.";
    TooLong, "too_long", "That was too long.";
    TimeTaken, "time_taken", "I am sorry, somebody else has just taken that time.";
    YouWouldLike, "you_would_like", "You would like";
    AnAppointment, "an_appointment", "an appointment";
    On, "on", "on";
    At, "at", "at";
    To, "to", "to";
    And, "and", "and";
    YourNameIs, "your_name_is", "The name is";
    YourNumberIs, "your_number_is", "The telephone number is";
    YourEmailIs, "your_email_is", "The e-mail address is";
    YourMessageIs, "your_message_is", "The message is";
    MessageRecorded, "message_recorded", "the message that you recorded";
    IsThatRight, "is_that_right", "Is that right? For yes, press 1. For no, press 2.";
    Booked, "booked", "Your appointment is booked.";
    YourReferenceIs, "your_reference_is", "Your reference is";
    LeadTaken, "lead_taken", "Thank you. We have noted your interest and will contact you.";
    TicketOpened, "ticket_opened", "Thank you. Your report has been taken and will be looked at.";
    MessageNotice, "message_notice", "Your message will be recorded. To record it, press 1. To go back, press 2.";
    LeaveMessage, "leave_message", "Please leave your message after the tone. Press the hash key to end.";
    MessageTaken, "message_taken", "Thank you. Your message has been taken, and a person will get back to you.";
    MessageFailed, "message_failed", "I am sorry, I did not get a message.";
    OpenNow, "open_now", "We are open now.";
    ClosedNow, "closed_now", "We are closed now.";
    OurHours, "our_hours", "These are our opening hours.";
    Closed, "closed", "closed";
    NotKnown, "not_known", "I am sorry, I do not know that.";
    OfferPerson, "offer_person", "Would you like to speak to a person? For yes, press 1. For no, press 2.";
    OfferMessage, "offer_message", "Would you like to leave a message? For yes, press 1. For no, press 2.";
    WhichQuestion, "which_question", "Which question may I answer?";
    AnswersElsewhere, "answers_elsewhere", "I cannot read our documents out on this telephone line. You can ask in the chat on our website, or ask a person.";
    DocumentsSay, "documents_say", "Our documents say the following.";
    CallingPerson, "calling_person", "I am calling a person. Please hold on.";
    PersonJoined, "person_joined", "A person has joined the conversation.";
    PersonLeft, "person_left", "The person has left. You are talking to the AI agent again.";
    NoPersonNow, "no_person_now", "I am sorry, no person can be reached now.";
    Emergency, "emergency", "I cannot help in an emergency. Please hang up and call the emergency number now.";
    Cancelled, "cancelled", "All right, I have given that up.";
    YouAreWelcome, "you_are_welcome", "You are welcome.";
    IAmAnAgent, "i_am_an_agent", "Yes, I am an AI agent. I can get you a person if you like.";
    NotUnderstood, "not_understood", "I am sorry, I did not understand that.";
    StillThere, "still_there", "Are you still there?";
    Goodbye, "goodbye", "Thank you for calling. Goodbye.";
    Trouble, "trouble", "I am sorry, something went wrong on our side.";
    Monday, "monday", "Monday";
    Tuesday, "tuesday", "Tuesday";
    Wednesday, "wednesday", "Wednesday";
    Thursday, "thursday", "Thursday";
    Friday, "friday", "Friday";
    Saturday, "saturday", "Saturday";
    Sunday, "sunday", "Sunday";
}

impl PromptId {
    /// The prompt of a weekday, 1 = Monday … 7 = Sunday (ISO 8601); none outside of that.
    pub const fn weekday(number: u8) -> Option<PromptId> {
        Some(match number {
            1 => PromptId::Monday,
            2 => PromptId::Tuesday,
            3 => PromptId::Wednesday,
            4 => PromptId::Thursday,
            5 => PromptId::Friday,
            6 => PromptId::Saturday,
            7 => PromptId::Sunday,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::PromptId;

    #[test]
    fn names_are_distinct_and_fit_for_files_and_texts_are_said() {
        let names: BTreeSet<_> = PromptId::ALL.iter().map(|prompt| prompt.name()).collect();
        assert_eq!(names.len(), PromptId::ALL.len());
        for prompt in PromptId::ALL {
            assert!(prompt.name().chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{prompt:?}");
            assert!(!prompt.text().is_empty());
            assert!(prompt.text().is_ascii(), "{prompt:?} must be readable by every synthesizer");
            assert_eq!(serde_json::to_string(prompt).expect("a plain enum"), format!("\"{}\"", prompt.name()));
        }
    }

    #[test]
    fn weekdays_follow_iso_8601() {
        assert_eq!(PromptId::weekday(1), Some(PromptId::Monday));
        assert_eq!(PromptId::weekday(7), Some(PromptId::Sunday));
        assert_eq!(PromptId::weekday(0), None);
        assert_eq!(PromptId::weekday(8), None);
    }
}
