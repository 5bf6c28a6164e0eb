// Traffic through the tunnels of some of the peers: a host in the gateway's LAN pings the hosts
// behind the peers, and the answers come back through the tunnels, all ESP checked.
#ifndef VIGIL_TESTS_SCALE_FARM_TRAFFIC_H
#define VIGIL_TESTS_SCALE_FARM_TRAFFIC_H

#include "farm_histogram.h"
#include "farm_net.h"
#include "farm_peer.h"

struct farm_tunnel {
	uint32_t peer;
	uint32_t sent, answered; // pings
};

struct farm_traffic {
	struct farm *farm;
	struct farm_net *wan;
	struct farm_net lan;
	uint32_t n; // tunnels
	struct farm_tunnel *tunnels;
	uint32_t next;
	uint64_t pings, answers; // as the host counts them
	uint64_t answered;       // as the peers do
	uint64_t bad;            // ESP that is not what it must be
	uint64_t extra;          // packets of an overload that came through
	uint64_t extra_sent, garbage_sent;
	struct histogram trip; // ms, of a ping and its answer
};

// Chooses the tunnels: `percent` of the farm's peers, at least one, of which every other one is
// among the first that farm.c kills. 0 or -errno.
int farm_traffic_init(struct farm_traffic *t, struct farm *f, struct farm_net *wan, double percent);
void farm_traffic_fini(struct farm_traffic *t);
// Pings the next tunnel whose peer is up.
void farm_traffic_ping(struct farm_traffic *t, uint32_t now_ms);
// A packet from the LAN into the next tunnel, to a port where nobody listens; or ESP of the next
// tunnel's peer that is not authentic.
void farm_traffic_overload(struct farm_traffic *t);
void farm_traffic_garbage(struct farm_traffic *t);
// An ESP packet for this peer, without its IP header.
void farm_traffic_esp(struct farm_traffic *t, uint32_t peer, const uint8_t *esp, uint16_t len,
                      uint32_t now_ms);
// Takes what has come to the LAN's host, and sends what has gathered. Returns how many frames came.
unsigned farm_traffic_turn(struct farm_traffic *t, uint32_t now_ms);
// Pings without an answer, to peers that live.
uint64_t farm_traffic_lost(const struct farm_traffic *t);

#endif
