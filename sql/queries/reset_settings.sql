-- Every setting is what it was when the session began, whatever a step's statement made of it; but
-- for the role and the session's user, see leave_role. No parameters, no rows.
reset all
