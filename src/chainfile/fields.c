#include "chainfile/fields.h"

const char *const POSW_CHAINFILE_SECTIONS[POSW_SECTION_COUNT] = {"", "difficulty", "weight", "stake", "reward", "fees"};
const char *const POSW_CHAINFILE_WEIGHT_RULES[2] = {"power", "ticket"};
const char *const POSW_CHAINFILE_FEE_RULES[2] = {"burn", "pool"};
const char *const POSW_CHAINFILE_EXPONENTS[7] = {"0", "0.5", "1", "1.5", "2", NULL, "3"};

#define AT(member) offsetof(posw_params, member)
const posw_chainfile_field POSW_CHAINFILE_FIELDS[POSW_CHAINFILE_FIELD_COUNT] = {
    {POSW_SECTION_TOP, "chainId", POSW_FIELD_NUMBER, AT(chain_id), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "blockTime", POSW_FIELD_NUMBER, AT(block_time_s), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "window", POSW_FIELD_NUMBER, AT(window_blocks), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "epoch", POSW_FIELD_NUMBER, AT(epoch_blocks), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "unbonding", POSW_FIELD_NUMBER, AT(unbonding_blocks), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "maxReorg", POSW_FIELD_NUMBER, AT(reorg_max_blocks), POSW_WHEN_ALWAYS},
    {POSW_SECTION_DIFFICULTY, "halfLife", POSW_FIELD_NUMBER, AT(difficulty_blocks), POSW_WHEN_HALF_LIFE},
    {POSW_SECTION_DIFFICULTY, "blocks", POSW_FIELD_NUMBER, AT(difficulty_blocks), POSW_WHEN_WINDOWED},
    {POSW_SECTION_DIFFICULTY, "genesis", POSW_FIELD_NUMBER256, AT(genesis_difficulty), POSW_WHEN_ALWAYS},
    {POSW_SECTION_WEIGHT, "unit", POSW_FIELD_AMOUNT, AT(weight.unit_wei), POSW_WHEN_POWER},
    {POSW_SECTION_WEIGHT, "min", POSW_FIELD_NUMBER, AT(weight.min), POSW_WHEN_POWER},
    {POSW_SECTION_WEIGHT, "max", POSW_FIELD_NUMBER, AT(weight.max), POSW_WHEN_POWER},
    {POSW_SECTION_WEIGHT, "boost", POSW_FIELD_NUMBER, AT(weight.boost), POSW_WHEN_TICKET},
    {POSW_SECTION_WEIGHT, "slots", POSW_FIELD_NUMBER, AT(weight.slots), POSW_WHEN_TICKET},
    {POSW_SECTION_WEIGHT, "price", POSW_FIELD_AMOUNT, AT(weight.ticket_price_wei), POSW_WHEN_TICKET},
    {POSW_SECTION_WEIGHT, "ramp", POSW_FIELD_NUMBER, AT(weight.ramp_blocks), POSW_WHEN_TICKET},
    {POSW_SECTION_STAKE, "minimum", POSW_FIELD_AMOUNT, AT(stake_min_wei), POSW_WHEN_ALWAYS},
    {POSW_SECTION_REWARD, "initial", POSW_FIELD_AMOUNT, AT(reward_initial_wei), POSW_WHEN_ALWAYS},
    {POSW_SECTION_REWARD, "halving", POSW_FIELD_NUMBER, AT(halving_blocks), POSW_WHEN_ALWAYS},
    {POSW_SECTION_REWARD, "tail", POSW_FIELD_AMOUNT, AT(reward_tail_wei), POSW_WHEN_ALWAYS},
    {POSW_SECTION_FEES, "initial", POSW_FIELD_AMOUNT64, AT(base_fee_initial_wei), POSW_WHEN_ALWAYS},
    {POSW_SECTION_FEES, "minimum", POSW_FIELD_AMOUNT64, AT(base_fee_min_wei), POSW_WHEN_ALWAYS},
    {POSW_SECTION_TOP, "gasLimit", POSW_FIELD_NUMBER, AT(gas_limit), POSW_WHEN_ALWAYS},
};
#undef AT
