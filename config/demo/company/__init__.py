"""The believable company: Northlane, a vendor of supply-chain planning software, over the last year.

`company` draws the facts (pure), `people` hires and sets up, `agreement` holds both versions of the definition,
`story` plays the year through the product's own use-cases, `seed` puts it together.
"""
