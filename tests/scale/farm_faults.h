// What a bad network does to what the peers send: lost, late, twice, out of order.
#ifndef VIGIL_TESTS_FARM_FAULTS_H
#define VIGIL_TESTS_FARM_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "farm_net.h"

#define FARM_LATE_MAX 4000u // ms

struct farm_faults {
	double loss, dup; // percent
	uint32_t late; // ms: each datagram takes 0 to so many, evenly spread, which changes their
	               // order
	uint64_t seed; // of all that is random here
	uint64_t lost, doubled, held;
};

// Sends a datagram, or does to it what is to be done.
void farm_faults_send(struct farm_faults *f, struct farm_net *net, const struct farm_datagram *d,
                      uint32_t now_ms);
// Sends what is due.
void farm_faults_turn(struct farm_faults *f, struct farm_net *net, uint32_t now_ms);
// From 0 to n - 1.
uint32_t farm_faults_random(struct farm_faults *f, uint32_t n);

#endif
