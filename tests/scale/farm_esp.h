// ESP of the farm's peers: tunnel mode (RFC 4303) with AES-128-GCM and an ICV of 16 bytes (RFC
// 4106), by OpenSSL, so that it shares no code with the gateway that it is to check.
#ifndef VIGIL_TESTS_SCALE_FARM_ESP_H
#define VIGIL_TESTS_SCALE_FARM_ESP_H

#include <stdint.h>

#define FARM_ESP_KEY      20 // an AES key, and the salt behind it
#define FARM_ESP_OVERHEAD 38 // bytes at most: SPI, sequence number, IV, padding, trailer, ICV

// What one peer has; made when quick mode ends.
struct farm_esp {
	uint8_t key_in[FARM_ESP_KEY], key_out[FARM_ESP_KEY];
	uint32_t sent, heard; // sequence numbers, the last ones
};

// Both: bytes written, or -1. An ESP packet without its IP header, of an inner packet, and back:
// only if it has the SPI, is authentic and newer than all before it.
int farm_esp_seal(struct farm_esp *e, uint32_t spi, const uint8_t *inner, uint16_t len,
                  uint8_t *out);
int farm_esp_open(struct farm_esp *e, uint32_t spi, const uint8_t *esp, uint16_t len, uint8_t *out);

#endif
