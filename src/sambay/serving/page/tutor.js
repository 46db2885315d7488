// The tutor.
export function startTutor() {}
