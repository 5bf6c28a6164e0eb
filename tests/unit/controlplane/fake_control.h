// The tables of a control core over a fake dataplane, of the sizes of fake_dp.h; for tests.
#ifndef VIGIL_TESTS_FAKE_CONTROL_H
#define VIGIL_TESTS_FAKE_CONTROL_H

#include "control.h"

// Slabs, tables and neighbours, and one port, FastEthernet0.
void fake_control_tables(struct control *c);
// All of them; neighbours may have gone before.
void fake_control_free(struct control *c);

#endif
