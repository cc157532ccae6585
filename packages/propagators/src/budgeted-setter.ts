import type { TextMapSetter } from '@opentelemetry/api';
import { type CarrierSetter, carrierSetter, FieldBudget } from '@throughline/carrier';

/** Writes into one carrier up to a budget. A field that no longer fits is left out whole. */
export class BudgetedSetter implements CarrierSetter {
  readonly #setter: TextMapSetter;
  readonly #budget = new FieldBudget();

  constructor(setter: TextMapSetter) {
    this.#setter = setter;
  }

  set(carrier: unknown, name: string, value: string): void {
    if (this.#budget.take(name, value)) this.#setter.set(carrier, name, value);
    else this.delete(carrier, name);
  }

  delete(carrier: unknown, name: string): void {
    if (this.#setter === carrierSetter) carrierSetter.delete(carrier, name);
  }
}
