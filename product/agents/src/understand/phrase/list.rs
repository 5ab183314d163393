//! The phrases themselves, parted by bars. Whole turns, politeness removed; written for this product.

use super::Phrase;

/// Phrases by what they mean.
pub(super) const WHOLE: &[(Phrase, &str)] = &[
    (
        Phrase::Yes,
        "yes|yep|yeah|yup|yea|ya|sure|ok|okay|correct|right|exactly|absolutely|definitely|indeed|\
         of course|that is right|thats right|that is correct|thats correct|thats fine|that is fine|\
         sounds good|looks good|all good|perfect|great|fine|go ahead|yes i do|yes i am|yes it is|\
         yes that is right|yes thats right|yes thats correct|yes correct|i agree|yes i agree|i do|it is|\
         do it|confirm|i confirm|affirmative|yes sure|yes go ahead|ok go ahead|that works|works for me|\
         that works for me|lets do it|true|yes exactly|why not|id like that|i would",
    ),
    (
        Phrase::No,
        "no|nope|nah|not really|no way|never|negative|wrong|incorrect|that is wrong|thats wrong|\
         not correct|thats not right|that is not right|not right|no thanks|no thank you|no it is not|\
         no its not|i dont|i do not|i dont agree|i do not agree|i disagree|no i dont|dont|not quite|\
         it is not|its not|no that is wrong|no thats wrong|false|id rather not|i would rather not|\
         nothing|none|skip|skip it|no not really|not at all|no i do not",
    ),
    (
        Phrase::Cancel,
        "cancel|cancel that|cancel it|cancel this|stop|stop it|stop that|never mind|nevermind|forget it|\
         forget about it|forget that|abort|quit|start over|start again|leave it|drop it|\
         i changed my mind|changed my mind|no longer needed|no cancel|no stop|go back|back|main menu|\
         menu|ive changed my mind|i have changed my mind|scratch that|disregard that",
    ),
    (
        Phrase::Repeat,
        "repeat|repeat that|repeat it|say that again|say it again|again|once more|one more time|\
         come again|pardon|pardon me|what did you say|what was that|sorry what|i didnt catch that|\
         i did not catch that|can you repeat that|could you repeat that|can you say that again|\
         could you say that again|i didnt hear you|i missed that|can you repeat|could you repeat|\
         what did you just say|could you repeat what you said|run that by me again|repeat what you said|\
         can you repeat yourself|what",
    ),
    (
        Phrase::Human,
        "human|a human|person|a person|agent|an agent|operator|representative|real person|a real person|\
         receptionist|someone|somebody|a colleague|staff|live agent|human please|reception|\
         the reception|customer service|speak to someone|talk to someone|speak to somebody|\
         talk to somebody|talk to a person",
    ),
    (
        Phrase::Goodbye,
        "bye|goodbye|good bye|bye bye|see you|see you later|see ya|talk to you later|have a nice day|\
         have a good day|that is all|thats all|that was all|that will be all|thatll be all|nothing else|\
         im done|i am done|no that is all|no thats all|thats it|that is it|take care|good night|\
         goodnight|farewell|ciao|thanks bye|thank you bye|thank you goodbye|ok bye|okay bye|\
         thanks goodbye|no thanks bye|until next time|thats all i need|thats everything|\
         have a great day|bye for now|later|catch you later|so long|cheers bye",
    ),
    (
        Phrase::Thanks,
        "thanks|thank you|thank you very much|thanks a lot|many thanks|thank you so much|thanks so much|\
         cheers|much appreciated|i appreciate it|thx|ta|that helps|that was helpful|great thanks|\
         great thank you|ok thanks|okay thanks|ok thank you|okay thank you|perfect thanks|\
         perfect thank you|thanks for your help|thank you for your help|thanks for the help|\
         wonderful thank you|i appreciate your help|thank you for that",
    ),
    (
        Phrase::Greeting,
        "hi|hello|hey|good morning|good afternoon|good evening|good day|hello there|hi there|hey there|\
         greetings|howdy|hiya|morning|yo|whats up|hows it going|how are you|hello how are you|\
         hi how are you|how are you doing|how are you today|good to see you|is anybody there|\
         anyone there|hello hello",
    ),
    (
        Phrase::AreYouHuman,
        "are you human|are you a human|are you a person|are you a real person|are you real|\
         are you a robot|are you a bot|are you an ai|are you a machine|are you a computer|\
         am i talking to a robot|am i talking to a bot|am i talking to a human|am i talking to a person|\
         am i talking to a real person|is this a robot|is this a bot|is this a real person|\
         is this a human|is this an ai|who am i talking to|what are you|who are you|\
         are you an actual person|am i speaking to a person|am i speaking with a human|\
         is this a recording|you are a bot|are you artificial intelligence|is this a computer|\
         are you chatgpt|am i talking to a machine|are you a live person",
    ),
    (
        Phrase::StopRecording,
        "stop recording|stop the recording|dont record|do not record|dont record this|\
         do not record this|dont record me|do not record me|no recording|turn off the recording|\
         please stop recording me|stop recording me|i dont want to be recorded|\
         i do not want to be recorded|dont record this call|do not record this call",
    ),
];

/// Beginnings that ask for a person, whatever follows the person.
pub(super) const WANTS: &str = "speak to|speak with|talk to|talk with|get me|connect me to|connect me with|put me through to|\
     transfer me to|i want|i need|give me|can i have|i would like|id like|is there|let me talk to|\
     let me speak to|chat with|pass me to|hand me over to|reach";

/// Who counts as a person.
pub(super) const PERSONS: &str = "a human|a person|a real person|an agent|a live agent|an operator|the operator|a representative|\
     someone real|a real human|a human being|your manager|a manager|the manager|a supervisor|\
     customer service|an employee|a member of staff|the receptionist|a receptionist|the front desk|\
     a colleague|an actual person|an actual human";

/// What describes an emergency: help is needed at once, and the agent must not be in the way.
pub(super) const EMERGENCIES: &str = "cant breathe|cannot breathe|can not breathe|not breathing|stopped breathing|trouble breathing|\
     chest pain|chest pains|heart attack|having a stroke|had a stroke|unconscious|passed out|\
     call an ambulance|need an ambulance|call 911|call 112|call 999|call the police|need the police|\
     kill myself|want to die|end my life|suicidal|commit suicide|hurt myself|overdose|overdosed|\
     bleeding heavily|severe bleeding|wont stop bleeding|bleeding to death|is choking|im choking|\
     is dying|im dying|house is on fire|there is a fire|theres a fire|someone is attacking|\
     has been stabbed|has been shot|going into shock|life threatening";
