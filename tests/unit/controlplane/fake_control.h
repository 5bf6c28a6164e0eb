// The tables of a control core over a fake dataplane, of the sizes of fake_dp.h; for tests.
#ifndef VIGIL_TESTS_FAKE_CONTROL_H
#define VIGIL_TESTS_FAKE_CONTROL_H

#include "control.h"
#include "diff.h"

// Slabs, tables and neighbours, and one port, FastEthernet0.
void fake_control_tables(struct control *c);
// All of them; neighbours may have gone before.
void fake_control_free(struct control *c);

// A control core that has a configuration, one port and its neighbours, and nothing else; the
// clock is about to wrap. What is logged goes to `sink`. 0 or an error.
int fake_link_create(struct control *c, const char *text,
                     void (*sink)(void *arg, enum log_level level, const char *line));
// -1: a timer is armed that nobody would cancel.
int fake_link_destroy(struct control *c);
// The time passes, tick by tick.
void fake_link_pass(struct control *c, tick_t ticks);

// The configuration with these lines typed into it, of which none fails, and what they change.
struct config *fake_typed(const struct config *config, const char *const *lines,
                          struct diff_list *changes);
// The same, put into force.
void fake_change(struct control *c, const char *const *lines);

#endif
