// How many phase 1 exchanges are admitted a second (`crypto call admission limit ike rate`). Pure:
// no clock, no packets, no timers. Whoever asks gets the next turn that is free, so turns go in the
// order of asking; a tenth of a second may be made up for, no more.
#ifndef VIGIL_ADMISSION_H
#define VIGIL_ADMISSION_H

#include <stdbool.h>

#include "types.h"

struct admission {
	int64_t credit; // TICKS_PER_SECOND for a turn; below 0: turns that are promised
	tick_t filled;  // when credit was last added
};

// May one begin now? Takes its turn if so. A rate of 0 admits all.
bool admission_take(struct admission *a, uint32_t rate, tick_t now);
// A turn that was taken, and not used.
void admission_give_back(struct admission *a, uint32_t rate);
// Takes the next turn that is free; in how many ticks it comes, 0 = now.
tick_t admission_reserve(struct admission *a, uint32_t rate, tick_t now);

#endif
