// SPIs of our own making: {1, owner, slot, generation}, so that steering needs no look-up and the
// look-up no hash. Field widths are fixed when the dataplane starts. [any] Pure.
//
//   bit 31   1                an SPI that dp_sa_reserve() made
//            owner            worker that owns the inbound SA
//            slot             index in the SA table
//            generation       low bits of the slot's generation: a stale SPI misses
//
// The generation starts at a random base at each boot, so that a peer that missed our restart does
// not hit a fresh SA by its old SPI. Top bit 0 (and at least 256, RFC 4303 2.1) is kept for foreign
// SPIs, which somebody else chose (manual keys, imported state) and which foreign.h translates.
#ifndef VIGIL_DATAPLANE_SPI_H
#define VIGIL_DATAPLANE_SPI_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#define SPI_OWN            0x80000000u
#define SPI_MIN            256u // RFC 4303 2.1: those below are reserved
#define SPI_GENERATION_MIN 4u   // bits

struct spi_layout {
	uint8_t owner_bits;
	uint8_t slot_bits;
	uint8_t generation_bits;
	uint32_t slot_mask; // of a slot number
};

static inline uint8_t spi_bits_for(uint32_t count)
{
	uint8_t bits = 0;

	while (bits < 31 && (1u << bits) < count)
		bits++;
	return bits;
}

// As many as leave enough bits for the generation.
static inline uint32_t spi_slots_most(uint32_t owners)
{
	return 1u << (31 - SPI_GENERATION_MIN - spi_bits_for(owners));
}

// 0, or -ERANGE if so many owners and slots leave too few bits for the generation.
static inline int spi_layout_init(struct spi_layout *l, uint32_t owners, uint32_t slots)
{
	unsigned used = spi_bits_for(owners) + spi_bits_for(slots);

	if (used + SPI_GENERATION_MIN > 31)
		return -ERANGE;
	l->owner_bits = spi_bits_for(owners);
	l->slot_bits = spi_bits_for(slots);
	l->generation_bits = (uint8_t)(31 - used);
	l->slot_mask = (1u << l->slot_bits) - 1;
	return 0;
}

static inline uint32_t spi_make(const struct spi_layout *l, uint32_t owner, uint32_t slot,
                                uint32_t generation)
{
	return SPI_OWN | owner << (l->slot_bits + l->generation_bits) | slot << l->generation_bits |
	       (generation & ((1u << l->generation_bits) - 1));
}

// Of our own making? Only then do owner and slot mean anything; both may be out of range.
static inline bool spi_is_own(uint32_t spi)
{
	return spi & SPI_OWN;
}

static inline uint32_t spi_owner(const struct spi_layout *l, uint32_t spi)
{
	return (spi & ~SPI_OWN) >> (l->slot_bits + l->generation_bits);
}

// The bits that say whose an SPI is: set in the mask of a NIC's rule for spi_make(l, owner, 0, 0).
static inline uint32_t spi_owner_mask(const struct spi_layout *l)
{
	return UINT32_MAX << (l->slot_bits + l->generation_bits);
}

static inline uint32_t spi_slot(const struct spi_layout *l, uint32_t spi)
{
	return (spi >> l->generation_bits) & l->slot_mask;
}

#endif
