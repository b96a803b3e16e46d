-- Hears the notifications of notify_doctor.
listen stepwell_doctor
