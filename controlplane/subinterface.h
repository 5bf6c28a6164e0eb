// Subinterfaces of the configuration and the dataplane's interfaces. Control core only.
#ifndef VIGIL_SUBINTERFACE_H
#define VIGIL_SUBINTERFACE_H

#include "config.h"

struct control;

// Makes the dataplane's subinterfaces those of `config`: takes away what is gone or has another
// VLAN now, adds what is new, down and without an address. True: something changed.
bool subinterface_sync(struct control *c, const struct config *config);
// Is there one that is not made yet?
bool subinterface_waits(const struct control *c, const struct config *config);
// Will interface n keep its number under that configuration? True for those of ports.
bool subinterface_stays(const struct control *c, unsigned n, const struct config *next);

#endif
