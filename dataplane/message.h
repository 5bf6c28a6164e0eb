// Messages from the control core to a worker: small, fixed, by value. Each worker has one bounded
// single-producer ring; what does not fit waits in order on the control side, so the control core
// never waits for a worker.
#ifndef VIGIL_DATAPLANE_MESSAGE_H
#define VIGIL_DATAPLANE_MESSAGE_H

#include "types.h"

struct dp;
struct sa;

enum message_kind {
	MESSAGE_NEIGHBOUR,      // iface, addr6: now known; send what waits for it
	MESSAGE_NEIGHBOUR_GONE, // iface, addr6: drop what waits for it
	MESSAGE_ESP,            // from here on sa_messages() takes them
	MESSAGE_SA_ADD = MESSAGE_ESP,
	MESSAGE_SA_DEL,
	MESSAGE_SA_MOVE,
	MESSAGE_SA_FORGET_PLACE,
	MESSAGE_SA_MTU, // word
	MESSAGE_TUNNEL_ADD,
	MESSAGE_TUNNEL_DEL,
	MESSAGE_TUNNEL_USE,
	MESSAGE_TUNNEL_REFUSE,
	MESSAGE_TUNNEL_PEER,
};

struct message {
	uint16_t kind;
	uint16_t iface;
	uint16_t port; // network order
	uint16_t unused;
	uint32_t word;
	uint8_t addr6[16]; // of a neighbour: IPv4 as ::ffff:a.b.c.d
	struct ip_addr to; // of SA_MOVE
	struct handle sa;
	struct handle tunnel;
};

// [C] Sends to one worker, in order. 0, or -ENOMEM when not even the waiting list can grow.
int message_send(struct dp *dp, unsigned worker, const struct message *msg);
// [C] To all workers.
int message_broadcast(struct dp *dp, const struct message *msg);
// [C] Moves what waits into the rings as far as there is room, and has control_retry() try again.
void message_drain(struct dp *dp);

#endif
