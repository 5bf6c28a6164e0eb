// How long the turns of the control core's loop take in virtual time, and the steps of each, from
// one look at the clock to the next. What takes long is written down by its number: the same seed
// makes the same turns and steps, so one that is long in one run and short in another was held up
// by the machine (turns.py).
#ifndef VIGIL_TESTS_TURN_TIMES_H
#define VIGIL_TESTS_TURN_TIMES_H

#include <stdbool.h>
#include <stddef.h>

struct dp;

// Writes them to a file from here on. `heap`: so many bytes are had from the system before, since
// the fake dataplane's messages take far more than real ones. False and errno: it cannot be
// written.
bool turn_times_start(const char *path, struct dp *dp, size_t heap);
// True: turn_began() and turn_ended() are wanted around each turn.
bool turn_times_on(void);
void turn_began(void);
void turn_ended(void);
// Writes how many turns and steps there were. False and errno: something could not be written.
bool turn_times_end(void);

#endif
