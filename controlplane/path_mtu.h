// The MTU of the paths to the peers, as routers outside report it. Control core only.
#ifndef VIGIL_PATH_MTU_H
#define VIGIL_PATH_MTU_H

#include "dp.h"

struct control;

// An ICMP error says that a packet of ours was too big (DP_EVENT_PATH_MTU). Believed if the quoted
// SPI and addresses are those of a live outbound SA, and only downwards, within bounds.
void path_mtu_heard(struct control *c, const struct dp_event *ev);

#endif
